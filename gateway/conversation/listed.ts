import type { Uri } from '../cpm/ids.js'

/** Whether one of a user's addresses is in a list of addresses and whole domains (`sip:*@domain`). */
export function isListed(addresses: readonly Uri[], list: readonly string[]): boolean {
  return list.some((entry) => {
    const domain = /^sips?:\*@([^;?\s]+)$/i.exec(entry)?.[1]?.toLowerCase()
    if (domain === undefined) return addresses.includes(entry as Uri)
    return addresses.some((address) => address.split(/[;?]/, 1)[0]?.endsWith(`@${domain}`))
  })
}
