import { hash, timingSafeEqual } from 'node:crypto'
import { BlockList, isIPv6 } from 'node:net'
import type { InboundOptions } from '../profile.js'

export interface Access {
  /** Whether this address may speak to us. */
  allows(address: string): boolean
  /** Whether the value of Authorization is that of a user we know; always when none is configured. */
  knows(authorization: string | undefined): boolean
}

/** Whether anybody who gets there may bring messages: no address, credential or certificate is asked for, and not only this machine gets there. */
export const isOpenToAll = ({ listen, allow, credentials, tls }: InboundOptions): boolean =>
  allow.length === 0 &&
  credentials.length === 0 &&
  tls?.clientCa === undefined &&
  !/^(?:127\.[\d.]+|\[::1\]|localhost):/.test(listen)

/** Who may bring messages and reports: by address, and by HTTP basic authentication. */
export function createAccess({ allow, credentials }: Pick<InboundOptions, 'allow' | 'credentials'>): Access {
  const list = new BlockList()
  for (const entry of allow) {
    const [address = '', bits] = entry.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  const digest = (text: string) => Buffer.from(hash('sha256', text, 'hex'))
  const known = credentials.map(({ user, password }) =>
    digest(`Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`),
  )

  return {
    allows(address) {
      if (allow.length === 0) return true
      const plain = address.replace(/^::ffff:(?=\d+\.)/, '')
      return list.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
    },
    knows(authorization = '') {
      if (known.length === 0) return true
      const [, encoded = ''] = /^basic +(\S+)$/i.exec(authorization) ?? []
      const given = digest(`Basic ${encoded}`)
      // Every one is compared, so that time says nothing.
      return known.filter((each) => timingSafeEqual(each, given)).length > 0
    },
  }
}
