import { createHash } from 'node:crypto'
import type { Clock } from '../cpm/clock.js'
import type { DialogReply, EventPort } from '../sip/port.js'
import { formatEvent } from './event-headers.js'
import type { EventPackage, PackageBody } from './package.js'
import type { Notice, NotifyOutcome, Subscription } from './subscription.js'

export type AnyPackage = EventPackage<never>

/** What came of a notification, and what is to be remembered of it once it was taken. */
export interface Notified {
  readonly outcome: NotifyOutcome
  readonly said: Pick<Subscription, 'told' | 'kept'>
}

/** Until something that failed is tried again. */
export const RETRY_MS = 30_000

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

/** Sends the notifications of all packages. Rejects with SpoolUnavailable. */
export function createNotificationSender(
  port: Pick<EventPort, 'sendInDialog'>,
  clock: Clock,
): (found: AnyPackage, notice: Notice) => Promise<Notified> {
  /** What the subscriber has already is not sent to him again: that it came would tell him that something changed. */
  async function send(found: AnyPackage, notice: Notice): Promise<Notified> {
    const { dialog, id, told: before } = notice.subscription
    const body = await bodyOf(found, notice)
    const told = digest(body?.meaning ?? body?.text ?? '')
    const said = { told, ...(body?.kept !== undefined && { kept: body.kept }) }
    if (told === before && !notice.insists) {
      return { outcome: { kind: 'unsaid', notifiedBefore: notice.notifiedBefore }, said }
    }
    const event = formatEvent({ package: found.name, ...(id !== undefined && { id }) })
    const headers = {
      Event: event,
      'Subscription-State': notice.state,
      ...(body && { ...body.headers, 'Content-Type': body.contentType }),
    }
    const reply = await port.sendInDialog({ method: 'NOTIFY', dialog, headers, ...(body && { body: body.text }) })
    return { outcome: outcomeOf(reply, clock.now()), said }
  }

  /** Who may not know, or not yet, gets none. */
  async function bodyOf(
    found: AnyPackage,
    { subscription, content }: Notice,
  ): Promise<Exclude<PackageBody, string> | undefined> {
    const { resource, version, pending, ending } = subscription
    if (pending || ending === 'rejected' || ending === 'noresource') return undefined
    const body =
      content === 'full' || !found.partial
        ? await found.full(resource, version, subscription)
        : await found.partial(resource, content as readonly never[], version, subscription)
    return typeof body === 'string' ? { contentType: found.contentType, text: body } : body
  }

  return send
}

/** RFC 6665 §4.2.2: who does not know the subscription, or does not answer, is told no more. */
function outcomeOf(reply: DialogReply, now: number): NotifyOutcome {
  if (reply.kind === 'unsent') return { kind: 'later', at: now + RETRY_MS }
  if (reply.kind === 'silent') return { kind: 'silent', at: now + RETRY_MS }
  if (reply.status < 300) return { kind: 'taken' }
  return reply.retryAfterSeconds === undefined
    ? { kind: 'gone' }
    : { kind: 'later', at: now + reply.retryAfterSeconds * 1000 }
}
