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
  | { readonly kind: 'none' }

/** Records of sessions in notes. All reject with SpoolUnavailable. */
export interface SessionRecords {
  /** By session identity. */
  find(identity: Uri): Promise<FoundRecord>
  /** The one session of a group. */
  ofGroup(group: Uri): Promise<FoundRecord>
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
export const newIdentity = (address: Uri): Uri =>
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
  const byGroup = (group: Uri): string => `session.group:${group}`
  const byNode = (name: string): string => `session.node:${name}`

  async function find(identity: Uri): Promise<FoundRecord> {
    const text = await notes.get(byIdentity(identity))
    if (text === undefined) return { kind: 'none' }
    const record: SessionRecord = JSON.parse(text)
    const at = record.node === node ? undefined : await notes.get(byNode(record.node))
    if (at === undefined) return { kind: 'found', record }
    return { kind: 'elsewhere', ...(at !== NOWHERE && { at }) }
  }

  return {
    find,
    async ofGroup(group) {
      const identity = await notes.get(byGroup(group))
      return identity === undefined ? { kind: 'none' } : find(identity as Uri)
    },
    async save(record, keepMs) {
      await notes.put({ key: byIdentity(record.identity), value: JSON.stringify(record), lifeMs: keepMs })
      if (record.group !== undefined) {
        await notes.put({ key: byGroup(record.group), value: record.identity, lifeMs: keepMs })
      }
    },
    async remove({ identity, group }) {
      await notes.remove(byIdentity(identity))
      if (group !== undefined && (await notes.get(byGroup(group))) === identity) await notes.remove(byGroup(group))
    },
    alive: (lifeMs, at = NOWHERE) => notes.put({ key: byNode(node), value: at, lifeMs }),
    gone: () => notes.remove(byNode(node)),
  }
}
