import { BlockList, isIPv6 } from 'node:net'

/** Addresses whose verdict is remembered: looking it up costs more than all else that is asked of a request. */
const REMEMBERED = 1_000

/** Whether an address is in one of the networks of `sip.trust`. Throws when a network cannot be read. */
export function createTrust(networks: readonly string[]): (host: string) => boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    list.addSubnet(address, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family)
  }
  if (networks.length === 0) return () => false
  const known = new Map<string, boolean>()
  return (host) => {
    const before = known.get(host)
    if (before !== undefined) return before
    const address = host.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:(?=\d+\.)/i, '')
    const trusted = list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
    if (known.size >= REMEMBERED) known.clear()
    known.set(host, trusted)
    return trusted
  }
}
