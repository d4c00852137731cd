import type { Uri } from '../../gateway/cpm/ids.js'
import { jidInDomain } from './mapping/address.js'
import type { Jid } from './mapping/jid.js'
import type { Component } from './stream/component.js'

/** The components of the adapter, and which one is for whom. */
export interface Links {
  readonly all: readonly Component[]
  /** The component by which users of an XMPP domain are reached. */
  towards(domain: string): Component | undefined
  /** The component whose domain this is. */
  as(domain: string): Component | undefined
  /** The JID of a party of CPM at a component. */
  ourJid(party: Uri, component: Component): Jid | undefined
}

export function createLinks(all: readonly Component[], home: string): Links {
  const byDomain = new Map(all.flatMap((each) => each.options.domains.map((domain) => [domain, each] as const)))
  const byOurs = new Map(all.map((each) => [each.options.domain, each]))
  const others = all.find(({ options }) => options.domains.length === 0)
  return {
    all,
    towards: (domain) => byDomain.get(domain) ?? others,
    as: (domain) => byOurs.get(domain),
    ourJid: (party, component) => jidInDomain(party, component.options.domain, home),
  }
}
