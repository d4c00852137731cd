import { lookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Clock } from '../../cpm/clock.js'

const RESOLVE_MS = 5_000

/** The address of a host; a literal is its own. Rejects when the name has none, or nobody says so in 5 s. */
export async function resolveHost(host: string, clock: Clock): Promise<string> {
  if (isIP(host)) return host
  let cancel = () => {}
  const tooLate = new Promise<never>((_resolve, reject) => {
    cancel = clock.after(RESOLVE_MS, () => reject(new Error(`no answer about ${host}`)))
  })
  try {
    return (await Promise.race([lookup(host), tooLate])).address
  } finally {
    cancel()
  }
}
