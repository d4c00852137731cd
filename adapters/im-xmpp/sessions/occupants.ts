import { parseUri } from '../../../gateway/cpm/address.js'
import type { Participant } from '../../contract/index.js'
import { nickname, nicknameKey } from '../mapping/nickname.js'
import { tag } from '../stream/element.js'
import { NS } from '../stream/names.js'

/** Who is in a room, by nickname: each has one of his own. */
export interface Occupants {
  /** Nickname of a participant; he is added when he is new, undefined when there is no room for him. */
  add(participant: Participant): string | undefined
  remove(participant: Participant): string | undefined
  nickOf(participant: Participant): string | undefined
  participant(nick: string): Participant | undefined
  nicks(): Iterable<string>
}

const OCCUPANTS = 2_000

export function createOccupants(taken: string): Occupants {
  const byNick = new Map<string, Participant>()
  const keys = new Set([nicknameKey(taken)])
  const byAddress = new Map<string, string>()
  const free = (wanted: string): string => {
    for (let number = 1; ; number += 1) {
      const nick = number === 1 ? wanted : `${wanted} (${number})`
      if (!keys.has(nicknameKey(nick))) return nick
    }
  }
  return {
    add(participant) {
      const known = byAddress.get(participant.address)
      if (known !== undefined) return known
      if (byNick.size >= OCCUPANTS) return undefined
      const nick = free(nameOf(participant))
      byNick.set(nick, participant)
      keys.add(nicknameKey(nick))
      byAddress.set(participant.address, nick)
      return nick
    },
    remove(participant) {
      const nick = byAddress.get(participant.address)
      if (nick === undefined) return undefined
      byAddress.delete(participant.address)
      byNick.delete(nick)
      keys.delete(nicknameKey(nick))
      return nick
    },
    nickOf: (participant) => byAddress.get(participant.address),
    participant: (nick) => byNick.get(nick),
    nicks: () => byNick.keys(),
  }
}

/** A nickname for somebody: his name, or the first part of his address. */
export function nameOf({ name, address }: Participant): string {
  const text = name ?? parseUri(address)?.user ?? address
  return nickname(text) || 'somebody'
}

/** The element by which a room says something of an occupant (XEP-0045 §7.2). */
export const occupantItem = (
  { affiliation, role }: { readonly affiliation: 'member' | 'none'; readonly role: 'participant' | 'none' },
  statuses: readonly number[] = [],
): string =>
  tag(
    'x',
    { xmlns: NS.mucUser },
    tag('item', { affiliation, role }),
    ...statuses.map((code) => tag('status', { code: String(code) })),
  )
