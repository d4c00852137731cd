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
  /** By any address of his, in its normal form. */
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
  const byAddress = new Map<string, Participant>()
  let anonymous = 0
  const all = (): readonly Participant[] => [...participants.values()]
  const folded = (text: string): string => text.normalize('NFKC').toLowerCase()

  return {
    find(addresses) {
      for (const address of addresses) {
        const found = byAddress.get(address)
        if (found) return found
      }
      return undefined
    },
    shown(address) {
      const exact = byAddress.get(address)
      if (exact && !exact.isAnonymous) return exact
      return all().find(
        ({ entity, addresses, isAnonymous }) =>
          entity === address || (!isAnonymous && addresses.some((known) => sameParty(known, address))),
      )
    },
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
      for (const address of participant.addresses) byAddress.set(address, participant)
      return participant
    },
    remove({ account, addresses }) {
      participants.delete(account)
      for (const address of addresses) byAddress.delete(address)
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
