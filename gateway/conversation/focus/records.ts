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

/** elsewhere: another node has it, and lives. */
export type FoundRecord =
  | { readonly kind: 'found'; readonly record: SessionRecord }
  | { readonly kind: 'elsewhere' | 'none' }

/** Records of sessions in notes. All reject with SpoolUnavailable. */
export interface SessionRecords {
  /** By session identity. */
  find(identity: Uri): Promise<FoundRecord>
  /** The one session of a group. */
  ofGroup(group: Uri): Promise<FoundRecord>
  save(record: SessionRecord, keepMs: number): Promise<void>
  remove(record: SessionRecord): Promise<void>
  /** This node lives, for so long at least. */
  alive(lifeMs: number): Promise<void>
}

const IDENTITY = /^sips?:s-[0-9a-f]{32}@/

/** Whether an address may be a session identity of ours. */
export const isIdentity = (address: Uri): boolean => IDENTITY.test(address)

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
    const isElsewhere = record.node !== node && (await notes.get(byNode(record.node))) !== undefined
    return isElsewhere ? { kind: 'elsewhere' } : { kind: 'found', record }
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
    alive: (lifeMs) => notes.put({ key: byNode(node), value: '1', lifeMs }),
  }
}
