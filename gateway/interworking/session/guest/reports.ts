import type { InboundMessage, OutboundReport, ReportRequest, SessionSide } from '../../../../adapters/contract/index.js'
import type { MessageId, Uri } from '../../../cpm/ids.js'
import type { DispositionNotification, DispositionRequest } from '../../../cpm/message.js'
import type { Service } from '../../service.js'

/** One thing that was said to a guest, as far as reports on it are concerned. */
export interface Spoken {
  readonly messageId: MessageId
  readonly reports: ReportRequest
}

/** Which message of the service is which of the session, both ways (`SLS-04`). The oldest are forgotten first. */
export interface GuestReports {
  sent(letter: MessageId, spoken: readonly Spoken[]): void
  /** What a service reports of a letter is reported of all that was in it, as far as it is wanted. */
  notified(notification: DispositionNotification, ours: Pick<SessionSide, 'report'>): void
  heard(messageId: MessageId, message: InboundMessage): void
  /** What became of something he said; each kind is told to his service once. */
  told(messageId: MessageId, state: OutboundReport['state']): Promise<void>
}

const REMEMBERED = 1_000
const REPORT_WITHIN_MS = 5_000

/** What is asked of the service about a letter; that one was lost is always told. */
export function dispositionsOf(spoken: readonly Spoken[]): readonly DispositionRequest[] {
  const wants = (kind: keyof ReportRequest) => spoken.some(({ reports }) => reports[kind])
  return [
    ...(wants('delivered') ? (['positive-delivery'] as const) : []),
    ...(wants('failed') ? (['negative-delivery'] as const) : []),
    ...(wants('displayed') ? (['display'] as const) : []),
  ]
}

export function createGuestReports({ adapter }: Service, participant: Uri): GuestReports {
  const letters = new Map<MessageId, readonly Spoken[]>()
  const inbound = new Map<MessageId, { readonly message: InboundMessage; readonly told: Set<string> }>()

  return {
    sent: (letter, spoken) => remember(letters, letter, spoken),
    notified({ messageId, disposition }, ours) {
      const state = stateOf(disposition)
      if (!state) return
      for (const { messageId: said, reports } of letters.get(messageId) ?? []) {
        if (reports[state]) ours.report(said, { address: participant }, state)
      }
    },
    heard(messageId, message) {
      if (message.wantsReport && adapter.messages.report) remember(inbound, messageId, { message, told: new Set() })
    },
    async told(messageId, state) {
      const known = inbound.get(messageId)
      if (!known || known.told.has(state)) return
      known.told.add(state)
      const { id, from } = known.message
      await adapter.messages.report?.({ id, to: from, state }, AbortSignal.timeout(REPORT_WITHIN_MS))
    },
  }
}

function stateOf(disposition: DispositionNotification['disposition']): OutboundReport['state'] | undefined {
  if (disposition.kind === 'delivery') return disposition.status === 'delivered' ? 'delivered' : 'failed'
  return disposition.kind === 'display' && disposition.status === 'displayed' ? 'displayed' : undefined
}

function remember<Value>(map: Map<MessageId, Value>, key: MessageId, value: Value): void {
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest)
}
