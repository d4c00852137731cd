import { randomBytes } from 'node:crypto'
import { newContributionId, newConversationId } from '../../cpm/identity.js'
import type { Uri } from '../../cpm/ids.js'
import type { Originator } from '../../sip/port.js'
import type { SessionIdentities } from '../../sip/session-port.js'
import type { NoteStore } from '../../spool/spool.js'

/** What is left of a session when its node is gone: enough for its members to come back by its identity (`GRP-ORIG-07`). */
export interface SessionRecord {
  readonly identity: Uri
  /** The pre-defined group it is of. */
  readonly group?: Uri
  /** Where it runs. */
  readonly node: string
  /** Addresses of who has begun it. */
  readonly originator: readonly Uri[]
  readonly originatorName?: string
  readonly identities: SessionIdentities
  readonly subject?: string
  /** Who was invited to it, besides the members of its group. */
  readonly admitted: readonly Uri[]
  /** Who was removed, and may not come back by himself. */
  readonly removed: readonly Uri[]
}

/** elsewhere: another node has it, and lives; `at` is its SIP URI, where it has told one. */
export type FoundRecord =
  | { readonly kind: 'found'; readonly record: SessionRecord }
  | { readonly kind: 'elsewhere'; readonly at?: string }
  /** `stale`: a session of the group of which nothing is left. */
  | { readonly kind: 'none'; readonly stale?: Uri }

/** Records of sessions in notes. All reject with SpoolUnavailable. */
export interface SessionRecords {
  /** By session identity. */
  find(identity: Uri): Promise<FoundRecord>
  /** The one session of a group. */
  ofGroup(group: Uri): Promise<FoundRecord>
  /** Makes it this node's, new or as it was `found`; false: another node was faster. */
  take(record: SessionRecord, keepMs: number, found: FoundRecord): Promise<boolean>
  save(record: SessionRecord, keepMs: number): Promise<void>
  remove(record: SessionRecord): Promise<void>
  /** This node lives, for so long at least, and is reached by this SIP URI. */
  alive(lifeMs: number, at: string | undefined): Promise<void>
  /** It lives no more. */
  gone(): Promise<void>
}

/** A node that lives, and that others do not know how to reach. */
const NOWHERE = '-'
const IDENTITY = /^sips?:s-[0-9a-f]{32}@/

/** Whether an address may be a session identity of ours. */
export const isIdentity = (address: string): boolean => IDENTITY.test(address)

/** A session identity without what led to its node; any other address as it is. */
export const bareIdentity = <Address extends string>(address: Address): Address =>
  isIdentity(address) ? (address.replace(/(:\d+)?(;.*)?$/, '') as Address) : address

/** A session identity that no other session has or had (`ID-12`, `ID-13`), in the domain of the address it was begun with. */
const newIdentity = (address: Uri): Uri =>
  `sip:s-${randomBytes(16).toString('hex')}@${/@([^;?]+)/.exec(address)?.[1] ?? 'localhost'}` as Uri

export function newRecord(
  about: Pick<SessionRecord, 'node' | 'group' | 'subject' | 'originatorName'> & { readonly address: Uri },
  { addresses }: Originator,
  identities: SessionIdentities,
): SessionRecord {
  const { address, ...rest } = about
  return {
    ...rest,
    identity: newIdentity(address),
    originator: addresses,
    identities: { conversationId: newConversationId(), contributionId: newContributionId(), ...identities },
    admitted: [],
    removed: [],
  }
}

export function createSessionRecords(notes: NoteStore, node: string): SessionRecords {
  const byIdentity = (identity: Uri): string => `session:${identity}`
  const byGroup = (group: Uri): string => `session.of:${group}`
  const byNode = (name: string): string => `session.node:${name}`

  async function find(identity: Uri): Promise<FoundRecord> {
    const text = await notes.get(byIdentity(identity))
    if (text === undefined) return { kind: 'none' }
    const record: SessionRecord = JSON.parse(text)
    const at = record.node === node ? undefined : await notes.get(byNode(record.node))
    if (at === undefined) return { kind: 'found', record }
    return { kind: 'elsewhere', ...(at !== NOWHERE && { at }) }
  }

  async function identityOf(group: Uri): Promise<Uri | undefined> {
    const text = await notes.get(byGroup(group))
    return text === undefined ? undefined : JSON.parse(text)
  }

  async function save(record: SessionRecord, lifeMs: number): Promise<void> {
    const { identity, group } = record
    await notes.put({ key: byIdentity(identity), value: JSON.stringify(record), lifeMs })
    if (group !== undefined) await notes.put({ key: byGroup(group), value: JSON.stringify(identity), lifeMs })
  }

  /** Only the first of those who have found the same takes it up. */
  const takeUp = (record: SessionRecord, lifeMs: number, from: string): Promise<boolean> =>
    notes.update<SessionRecord, boolean>(byIdentity(record.identity), lifeMs, (current) => {
      const isFirst = current === undefined || current.node === from
      return { next: isFirst ? record : current, result: isFirst }
    })

  /** A group has one session. */
  const becomeThatOf = (group: Uri, identity: Uri, lifeMs: number, stale: Uri | undefined): Promise<boolean> =>
    notes.update<Uri, boolean>(byGroup(group), lifeMs, (current) => {
      const isFirst = current === undefined || current === stale
      return { next: isFirst ? identity : current, result: isFirst }
    })

  return {
    find,
    async ofGroup(group) {
      const identity = await identityOf(group)
      if (identity === undefined) return { kind: 'none' }
      const found = await find(identity)
      return found.kind === 'none' ? { kind: 'none', stale: identity } : found
    },
    async take(record, keepMs, found) {
      const { identity, group } = record
      if (found.kind === 'found') return takeUp(record, keepMs, found.record.node)
      // Who finds it as that of the group finds what it is, too.
      await notes.put({ key: byIdentity(identity), value: JSON.stringify(record), lifeMs: keepMs })
      const stale = found.kind === 'none' ? found.stale : undefined
      if (group === undefined || (await becomeThatOf(group, identity, keepMs, stale))) return true
      await notes.remove(byIdentity(identity))
      return false
    },
    save,
    async remove({ identity, group }) {
      await notes.remove(byIdentity(identity))
      if (group !== undefined && (await identityOf(group)) === identity) await notes.remove(byGroup(group))
    },
    alive: (lifeMs, at = NOWHERE) => notes.put({ key: byNode(node), value: at, lifeMs }),
    gone: () => notes.remove(byNode(node)),
  }
}
