import type { InboundMessage, ReceiveOutcome } from '../../../../adapters/contract/index.js'
import type { Clock } from '../../../cpm/clock.js'
import { stableId } from '../../../cpm/identity.js'
import type { MessageId, Uri } from '../../../cpm/ids.js'
import type { DispositionNotification } from '../../../cpm/message.js'
import type { LaneConsumer, LaneName, Spool, Taken, Verdict } from '../../../spool/spool.js'
import type { Leases } from '../../lease.js'
import type { Recorder } from '../../recorder.js'
import type { Service } from '../../service.js'
import type { InboundWork } from '../../work.js'
import type { Guests } from './guests.js'
import { type GuestRecord, type GuestRecords, isSessionUri } from './record.js'
import { languagesFor } from './texts.js'
import { textOf, understand } from './understand.js'

export interface GuestInboxOptions {
  readonly node: string
  readonly spool: Spool
  readonly leases: Leases
  readonly records: GuestRecords
  readonly guests: Pick<Guests, 'heard' | 'notified'>
  readonly policies: Parameters<typeof languagesFor>[0]
  readonly recorder: Pick<Recorder, 'inboundStored' | 'inboundConcluded' | 'sessions'>
  readonly clock: Clock
}

/** What guests write, and what services report of messages to them: each to the node on which their session lives. */
export interface GuestInbox {
  /**
   * Takes a message of a service that belongs to a session, before anybody else is asked (`SLS-03`, `SLS-04`): resolved once it is stored.
   * Undefined: it belongs to none. Rejects with SpoolUnavailable.
   */
  take(service: Service, message: InboundMessage): Promise<ReceiveOutcome | undefined>
  /** A report on a message to a guest. */
  report(session: Uri, notification: DispositionNotification): Promise<void>
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

type GuestWork =
  | { readonly kind: 'heard'; readonly session: Uri; readonly work: InboundWork }
  | { readonly kind: 'reported'; readonly session: Uri; readonly notification: DispositionNotification }

const laneOf = (node: string): LaneName => `sessions.${node}`
/** What is said in a session is of no use much later. */
const LIFE_MS = 3_600_000
const PARALLEL = 64
const HOLD_MS = 120_000

export function createGuestInbox(options: GuestInboxOptions): GuestInbox {
  const { node, spool, leases, records, guests, policies, recorder, clock } = options
  let consumer: LaneConsumer | undefined

  /** For the node of his session; when that is gone, any other one can tell him so, and let him join again. */
  async function store(record: GuestRecord, id: string, payload: GuestWork, message?: InboundMessage) {
    const lives = record.node === node || (await spool.isAlive(record.node))
    const now = clock.now()
    const lane = laneOf(lives ? record.node : node)
    const item = { id, lane, attempts: 0, acceptedAt: now, expiresAt: now + LIFE_MS, payload }
    const others = message?.alsoKnownAs?.map((other) => `${record.session}|${other}`)
    return spool.put(item, { rememberMs: message?.rememberMs ?? 1, ...(others && { alsoKnownAs: others }) })
  }

  /** Whether it is for the session although that is over, and the number is somebody's own: a late yes may still join. */
  function isAnswer({ group, language }: GuestRecord, { content }: InboundMessage): boolean {
    return group !== undefined && understand(textOf(content), languagesFor(policies, language)) === 'yes'
  }

  async function carry({ item, expired }: Taken<GuestWork>): Promise<Verdict<GuestWork>> {
    const { payload } = item
    if (payload.kind === 'reported') {
      guests.notified(payload.session, payload.notification)
      return { kind: 'done' }
    }
    if (!expired) await guests.heard(payload.session, payload.work.message)
    const [outcome, said] = expired ? (['expired', 'too late'] as const) : (['delivered', 'in its session'] as const)
    recorder.inboundConcluded(payload.work, outcome, said, clock.now() - item.acceptedAt)
    return { kind: 'done' }
  }

  return {
    async take(service, message) {
      const session = await leases.peek(service.id, message.to, message.from)
      if (session === undefined || !isSessionUri(session)) return undefined
      const record = await records.get(session)
      if (!record) {
        const lent = service.config.addresses.pool?.numbers.includes(message.to) ?? false
        return lent ? { kind: 'refused', reason: 'unknown-recipient' } : undefined
      }
      if (record.phase === 'over' && record.own && !isAnswer(record, message)) return undefined
      const id = `${session}|${message.id}`
      const messageId = stableId(`message ${id}`) as MessageId
      const work: InboundWork = { service: service.id, user: record.participant, message, messageId }
      const stored = await store(record, id, { kind: 'heard', session, work }, message)
      if (stored === 'duplicate') return { kind: 'duplicate' }
      recorder.inboundStored(work)
      recorder.sessions.heard(messageId, record.conversation)
      return { kind: 'stored' }
    },

    async report(session, notification) {
      if (guests.notified(session, notification)) return
      const record = await records.get(session)
      if (!record || record.node === node) return
      const id = `${session}|${notification.messageId}!${notification.disposition.kind}`
      await store(record, id, { kind: 'reported', session, notification })
    },

    start() {
      const take = { parallel: () => PARALLEL, holdMs: HOLD_MS }
      consumer = spool.take<GuestWork>(laneOf(node), take, carry, (_, reason) => ({ kind: 'failed', reason }))
    },
    async stop(deadline) {
      await consumer?.stop(deadline)
    },
  }
}
