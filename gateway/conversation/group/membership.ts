import type { UserDirectory } from '../../core/port.js'
import { sameParty } from '../../cpm/address.js'
import type { FailureReason } from '../../cpm/failure.js'
import type { Uri } from '../../cpm/ids.js'
import type { ListedRecipient } from '../../cpm/message.js'
import type { Originator } from '../../sip/port.js'
import type { Group, Groups } from './groups.js'

/** One who gets a copy. */
export interface Member {
  /** As the group or the list names him; reports name him so, too. */
  readonly uri: Uri
  /** The one address of his account (`ID-15`). */
  readonly account: Uri
  /** Why he gets none: the sender's list names what it may not. */
  readonly refused?: FailureReason
}

/** An entry of a sender's own list. */
export type Listed = Pick<ListedRecipient, 'uri' | 'unusable'>

export interface Membership {
  /** Whether this group takes messages of him (`MSG-11`). */
  maySend(group: Group, sender: Originator): boolean
  /** Whether one with these addresses is a member of it, or of a group within it. */
  isMember(group: Group, addresses: readonly Uri[]): boolean
  /** Media types that he may send to it; undefined: all (`CPM-CONV-011`). */
  mediaOf(group: Group, sender: Originator): readonly string[] | undefined
  /** Everybody behind these addresses but the sender, each account once; groups among them are opened once (`MSG-13`, `ID-15`). */
  recipients(listed: readonly Listed[], sender: Originator, within?: Group): readonly Member[]
}

export function createMembership(groups: Groups, directory: UserDirectory | undefined): Membership {
  const accountOf = (address: Uri): Uri => directory?.find(address)?.uri ?? address
  const isSender = (sender: Originator, account: Uri): boolean =>
    [sender.uri, ...sender.addresses].some((address) => address === account || sameParty(address, account))

  function maySend(group: Group, sender: Originator): boolean {
    const among = (addresses: Iterable<Uri>) => [...addresses].some((address) => isSender(sender, accountOf(address)))
    if (among(group.barred)) return false
    if (group.send === 'anyone') return true
    return among(group.send === 'members' ? everybody(group) : group.send)
  }

  /** Members of groups within a group are members of it; a group that contains itself is no trouble. */
  function everybody(group: Group, seen = new Set<Uri>([group.address])): readonly Uri[] {
    return group.members.flatMap((member) => {
      const inner = groups.find(member)
      if (!inner) return [member]
      if (seen.has(inner.address)) return []
      seen.add(inner.address)
      return everybody(inner, seen)
    })
  }

  /** A sender's own list opens only groups that he may send to; the members of a group are its owner's business. */
  function opened({ uri: address, unusable }: Listed, sender: Originator): readonly Member[] {
    if (unusable) return [{ uri: address, account: address, refused: 'unknown-recipient' }]
    const group = groups.find(address)
    if (group && maySend(group, sender)) return everybody(group).map((uri) => ({ uri, account: accountOf(uri) }))
    const refused: FailureReason | undefined = group
      ? 'sender-not-allowed'
      : groups.hosts(address)
        ? 'unknown-recipient'
        : undefined
    return [{ uri: address, account: accountOf(address), ...(refused && { refused }) }]
  }

  return {
    maySend,
    isMember(group, addresses) {
      const accounts = everybody(group).map(accountOf)
      const isSame = (account: Uri) => addresses.some((address) => sameParty(address, account))
      return accounts.some((account) => addresses.includes(account)) || accounts.some(isSame)
    },
    mediaOf(group, sender) {
      const own = [...group.mediaBy].find(([address]) => isSender(sender, accountOf(address)))
      return own?.[1] ?? group.policies.media
    },
    recipients(listed, sender, within) {
      const found = new Map<Uri, Member>()
      const entries = within ? everybody(within).map((uri) => ({ uri })) : listed
      for (const member of entries.flatMap((entry) => opened(entry, sender))) {
        if (!found.has(member.account) && !isSender(sender, member.account)) found.set(member.account, member)
      }
      return [...found.values()]
    },
  }
}
