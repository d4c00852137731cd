import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Addresses that nobody outside should be able to make us ask (RFC 6890): this host, private networks, those that reach neither. */
const INTERNAL = new BlockList()
const V4 =
  '0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4'
for (const network of V4.split(' ')) add(network, 'ipv4')
// With those that carry an IPv4 address: translation (RFC 6052, RFC 8215), 6to4, Teredo.
const V6 = '::/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 fc00::/7 fe80::/9 ff00::/8'
for (const network of V6.split(' ')) add(network, 'ipv6')

function add(network: string, family: 'ipv4' | 'ipv6'): void {
  const [address = '', bits] = network.split('/')
  INTERNAL.addSubnet(address, Number(bits), family)
}

/** Whether an IP address is not one of the public Internet; also for what is no address at all. */
export function isInternal(address: string): boolean {
  const [plain = ''] = address.split('%', 1)
  if (isIPv4(plain)) return INTERNAL.check(plain, 'ipv4')
  if (!isIPv6(plain)) return true
  const mapped = mappedIPv4(plain)
  return mapped === undefined ? INTERNAL.check(plain, 'ipv6') : INTERNAL.check(mapped, 'ipv4')
}

/** The address within an IPv4-mapped one (RFC 4291 §2.5.5.2). */
function mappedIPv4(address: string): string | undefined {
  const { hostname } = new URL(`http://[${address}]`)
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(hostname) ?? []
  if (high === undefined || low === undefined) return undefined
  const octets = [high, low].flatMap((part) => [Number.parseInt(part, 16) >> 8, Number.parseInt(part, 16) & 255])
  return octets.join('.')
}
