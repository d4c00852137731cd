import { BlockList, isIPv6 } from 'node:net'

/** Whether an address is in one of the networks of `sip.trust`. Throws when a network cannot be read. */
export function createTrust(networks: readonly string[]): (host: string) => boolean {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    list.addSubnet(address, prefix === undefined ? (family === 'ipv6' ? 128 : 32) : Number(prefix), family)
  }
  if (networks.length === 0) return () => false
  return (host) => {
    const address = host.replace(/^\[(.*)\]$/, '$1').replace(/^::ffff:(?=\d+\.)/i, '')
    return list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')
  }
}
