import { sameParty } from '../../cpm/address.js'
import type { Uri } from '../../cpm/ids.js'
import type { Endpoint, Participant } from './participant.js'
import type { StreamKey } from './streams.js'

/** Who somebody is when he comes, or is invited. */
export interface Newcomer {
  readonly account: Uri
  readonly addresses: readonly Uri[]
  readonly name?: string
  readonly isAnonymous?: boolean
  readonly isOriginator?: boolean
}

/** The participants of one session, in memory: it dies with its legs. */
export interface Roster {
  /** By any address of his. */
  find(addresses: readonly string[]): Participant | undefined
  /** By the address that the others know. */
  shown(address: string): Participant | undefined
  add(newcomer: Newcomer): Participant
  remove(participant: Participant): void
  all(): readonly Participant[]
  endpoints(): readonly Endpoint[]
  /** Participants with an endpoint, and those that are being invited. */
  connected(): number
  ringing(): number
  /** Streams that somebody uses. */
  inUse(): Set<StreamKey>
  /** Whether a nickname is free for him (RFC 7701 §7: one of them for one user, whatever its letters' case). */
  isFree(nickname: string, by: Participant): boolean
}

export function createRoster(): Roster {
  const participants = new Map<Uri, Participant>()
  let anonymous = 0
  const all = (): readonly Participant[] => [...participants.values()]
  const folded = (text: string): string => text.normalize('NFKC').toLowerCase()

  return {
    find(addresses) {
      for (const address of addresses) {
        const exact = participants.get(address as Uri)
        if (exact) return exact
      }
      return all().find((one) => one.addresses.some((known) => addresses.some((address) => sameParty(known, address))))
    },
    shown: (address) =>
      all().find(
        ({ entity, addresses, isAnonymous }) =>
          entity === address || (!isAnonymous && addresses.some((known) => sameParty(known, address))),
      ),
    add({ account, addresses, name, isAnonymous = false, isOriginator = false }) {
      const participant: Participant = {
        account,
        addresses: [...new Set([account, ...addresses])],
        entity: isAnonymous ? (`sip:anonymous${++anonymous}@anonymous.invalid` as Uri) : account,
        isAnonymous,
        isOriginator,
        ...(name !== undefined && !isAnonymous && { name }),
        endpoints: new Set(),
      }
      participants.set(account, participant)
      return participant
    },
    remove({ account }) {
      participants.delete(account)
    },
    all,
    endpoints: () => all().flatMap(({ endpoints }) => [...endpoints]),
    connected: () => all().filter(({ endpoints }) => endpoints.size > 0).length,
    ringing: () => all().filter(({ ringing }) => ringing !== undefined).length,
    inUse: () => new Set(all().flatMap(({ endpoints }) => [...endpoints].flatMap((one) => [...one.keys()]))),
    isFree: (nickname, by) =>
      all().every(
        (other) =>
          other === by ||
          [other.nickname, other.name].every((name) => name === undefined || folded(name) !== folded(nickname)),
      ),
  }
}
