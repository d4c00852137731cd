import type { GroupPolicies, GroupsConfig } from '../../config/groups.js'
import { normalUri, parseUri, type UriOptions } from '../../cpm/address.js'
import type { Uri } from '../../cpm/ids.js'

/** A pre-defined group (`GRP-GAP-01`), its addresses in normal form. */
export interface Group {
  readonly address: Uri
  readonly name?: string
  readonly members: readonly Uri[]
  readonly send: 'members' | 'anyone' | ReadonlySet<Uri>
  readonly barred: ReadonlySet<Uri>
  /** Media types of single senders, by their address. */
  readonly mediaBy: ReadonlyMap<Uri, readonly string[]>
  /** How members outside CPM learn who wrote. */
  readonly writer: 'name' | 'address' | 'none'
  readonly policies: GroupPolicies
}

export interface Groups {
  find(address: Uri): Group | undefined
  /** Whether the address is a group's, or in a domain that only groups have. */
  hosts(address: Uri): boolean
  /** Whether what the address names would be here: the home domain, and those of groups and lists. Others have servers of their own. */
  serves(address: Uri): boolean
  /** Where messages with a recipient list of their own go (RFC 5365), and what holds for them. */
  readonly lists: { readonly address: Uri; readonly policies: GroupPolicies }
}

/** The groups of the configuration, by their one address (`ID-10`). Throws when an address is no SIP URI. */
export function createGroups(config: GroupsConfig, options: UriOptions & { readonly domain: string }): Groups {
  const normal = (address: string): Uri => normalUri(address, options) ?? (address as Uri)
  const groups = new Map<Uri, Group>()
  for (const [name, defined] of Object.entries(config.defined)) {
    const address = normalUri(defined.address, options)
    if (!address?.startsWith('sip')) throw new Error(`groups.defined.${name}: ${defined.address} is no SIP URI`)
    groups.set(address, {
      address,
      ...(defined.name === undefined ? {} : { name: defined.name }),
      members: defined.members.map(normal),
      send: typeof defined.send === 'string' ? defined.send : new Set(defined.send.map(normal)),
      barred: new Set(defined.barred.map(normal)),
      mediaBy: new Map(Object.entries(defined.mediaBy).map(([sender, media]) => [normal(sender), media])),
      writer: defined.writer,
      policies: defined,
    })
  }
  const lists = { address: normal(config.lists.address ?? `sip:lists@${options.domain}`), policies: config.lists }
  const served = new Set([options.domain, ...[...groups.keys(), lists.address].map(domainOf)])
  const domains = new Set([...groups.keys()].map(domainOf).filter((domain) => domain !== options.domain))
  const isOfGroups = (address: Uri): boolean => domains.size > 0 && domains.has(domainOf(address))
  return {
    find: (address) => groups.get(address),
    hosts: (address) => groups.has(address) || address === lists.address || isOfGroups(address),
    serves: (address) => served.has(domainOf(address)),
    lists,
  }
}

const domainOf = (address: Uri): string | undefined => parseUri(address)?.host
