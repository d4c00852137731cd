import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { DialogReply, EventAnswer, EventPort, EventRequest } from '../sip/port.js'
import type { Reminders } from '../spool/reminders.js'
import type { NoteStore } from '../spool/spool.js'
import { accepts, type EndReason, type EventName, formatEvent, parseEvent, seconds } from './event-headers.js'
import type { EventPackage } from './package.js'
import { createSubscriberList } from './subscriber-list.js'
import {
  begun,
  changed,
  ended,
  type NextStep,
  type NotifyOutcome,
  next,
  refreshed,
  type Subscription,
  settled,
} from './subscription.js'

/** A package at work: what its owner tells of its resources. */
export interface PublishedPackage<Change> {
  /** Tells all subscribers. Resolves when they are told or will be later; rejects with SpoolUnavailable. */
  changed(resource: Uri, changes: readonly Change[]): Promise<void>
  /** Ends all subscriptions to a resource. */
  end(resource: Uri, reason: EndReason): Promise<void>
}

export interface Notifier {
  add<Change>(eventPackage: EventPackage<Change>): PublishedPackage<Change>
}

export interface NotifierOptions {
  readonly port: EventPort
  readonly notes: NoteStore
  readonly reminders: Reminders
  readonly clock: Clock
  readonly log: Logger
}

type AnyPackage = EventPackage<never>

/** Subscriptions to one resource of one package at most. */
const MAX_PER_RESOURCE = 100
/** Notes outlive the subscription, so that one that ended while no node ran can still be told. */
const GRACE_MS = 3_600_000
const RETRY_MS = 30_000
const KIND = 'subscription'

/**
 * The notifier of all event packages (RFC 6665 §4.2): takes SUBSCRIBE, sends NOTIFY. Subscriptions lie in notes and their times in
 * reminders, so that they go on after a restart and on every node.
 */
export function createNotifier({ port, notes, reminders, clock, log }: NotifierOptions): Notifier {
  const packages = new Map<string, AnyPackage>()
  const lists = createSubscriberList(notes, clock, MAX_PER_RESOURCE)

  const lifeOf = (found: AnyPackage): number => found.expires.max * 1000 + GRACE_MS
  const update = <Result>(
    key: string,
    found: AnyPackage,
    change: (state: Subscription | undefined) => { next: Subscription | undefined; result: Result },
  ): Promise<Result> => notes.update<Subscription, Result>(noteKey(key), lifeOf(found), change)

  async function subscribe(request: EventRequest): Promise<EventAnswer> {
    const event = parseEvent(request.header('event'))
    const found = event && packages.get(event.package)
    if (!event || !found) return { status: 489, headers: { 'Allow-Events': [...packages.keys()].join(', ') } }
    const asked = request.header('expires') === undefined ? found.expires.standard : seconds(request.header('expires'))
    if (asked === undefined) return { status: 400, warning: 'Expires cannot be read' }
    if (asked > 0 && asked < found.expires.min) {
      return { status: 423, headers: { 'Min-Expires': String(found.expires.min) } }
    }
    const granted = Math.min(asked, found.expires.max)
    return request.inDialog ? refresh(request, event, found, granted) : begin(request, event, found, granted)
  }

  async function begin(
    request: EventRequest,
    { id }: EventName,
    found: AnyPackage,
    granted: number,
  ): Promise<EventAnswer> {
    const { dialog, originator, byCore, target } = request
    if (target === undefined) return { status: 404 }
    if (!accepts(request.header('accept'), found.contentType)) {
      return { status: 406, warning: `the body of ${found.name} is ${found.contentType}` }
    }
    const authorised = await found.authorise({
      resource: target,
      byCore,
      ...(originator && { subscriber: originator }),
    })
    if (authorised.kind === 'refused') return { status: authorised.status, warning: authorised.warning }
    const { resource } = authorised
    const key = keyOf(dialog)
    const expiresAt = clock.now() + granted * 1000
    if (!(await lists.add(found.name, resource, { key, expiresAt }, lifeOf(found)))) {
      return { status: 503, retryAfterSeconds: RETRY_MS / 1000, warning: 'too many subscriptions to this address' }
    }
    const subscription = begun({
      package: found.name,
      resource,
      dialog,
      expiresAt,
      ...(id !== undefined && { id }),
      ...(originator && { subscriber: originator.uri }),
      // Expires 0 fetches the state once (RFC 6665 §4.4.3).
      ...(granted === 0 && { ending: 'timeout' as const }),
    })
    await update(key, found, () => ({ next: subscription, result: undefined }))
    return accepted(key, granted)
  }

  async function refresh(
    request: EventRequest,
    event: EventName,
    found: AnyPackage,
    granted: number,
  ): Promise<EventAnswer> {
    const { dialog, originator } = request
    const key = keyOf(dialog)
    const expiresAt = clock.now() + granted * 1000
    const status = await update(key, found, (state) => {
      const isKnown = state?.package === event.package && state.id === event.id
      if (!isKnown || state.dialog.remoteTag !== dialog.remoteTag) return { next: state, result: 481 }
      if (originator && state.subscriber !== undefined && originator.uri !== state.subscriber) {
        return { next: state, result: 403 }
      }
      if (request.sequence <= state.dialog.remoteSequence) return { next: state, result: 500 }
      if (state.ending !== undefined || state.expiresAt <= clock.now()) return { next: state, result: 481 }
      return { next: refreshed(state, dialog, expiresAt, granted === 0 ? 'timeout' : undefined), result: 200 }
    })
    if (status !== 200) return { status }
    const subscription = await read(key)
    if (subscription) await lists.add(found.name, subscription.resource, { key, expiresAt }, lifeOf(found))
    return accepted(key, granted)
  }

  function accepted(key: string, granted: number): EventAnswer {
    return { status: 200, headers: { Expires: String(granted) }, afterwards: () => notifySoon(key) }
  }

  async function read(key: string): Promise<Subscription | undefined> {
    const text = await notes.get(noteKey(key))
    return text === undefined ? undefined : JSON.parse(text)
  }

  function notifySoon(key: string): void {
    notify(key).catch((error: unknown) => log.warn({ err: error }, 'subscriber not notified'))
  }

  /** Sends what is due, and sees to it that somebody looks again in time; gives the step that ended it. */
  async function notify(key: string): Promise<NextStep | undefined> {
    const found = packages.get((await read(key))?.package ?? '')
    if (!found) return undefined
    for (;;) {
      const step = await update(key, found, (state) => {
        const result = state && next(state, clock.now(), found.minIntervalMs)
        return { next: result?.kind === 'send' ? result.notice.subscription : state, result }
      })
      // Who is sending goes on with what became due meanwhile.
      if (!step || step.kind === 'busy') return step
      if (step.kind === 'wait') {
        await reminders.set(KIND, key, step.until)
        return step
      }
      const { subscription, content, state } = step.notice
      // Should this process die now, another one looks.
      await reminders.set(KIND, key, subscription.sendingUntil ?? clock.now())
      const outcome = await send(found, subscription, content, state)
      const left = await update(key, found, (current) => {
        const after = current && settled(current, outcome)
        return { next: after, result: after }
      })
      if (!left) {
        await lists.remove(found.name, subscription.resource, key, lifeOf(found))
        return undefined
      }
    }
  }

  async function send(
    found: AnyPackage,
    { dialog, resource, version, id }: Subscription,
    content: 'full' | readonly unknown[],
    state: string,
  ): Promise<NotifyOutcome> {
    const body =
      content === 'full' || !found.partial
        ? await found.full(resource, version)
        : await found.partial(resource, content as readonly never[], version)
    const event = formatEvent({ package: found.name, ...(id !== undefined && { id }) })
    const headers = { Event: event, 'Subscription-State': state, 'Content-Type': found.contentType }
    return outcomeOf(await port.sendInDialog({ method: 'NOTIFY', dialog, headers, body }), clock.now())
  }

  port.onEvent('SUBSCRIBE', subscribe)
  reminders.on(KIND, async (key) => {
    const step = await notify(key)
    if (step?.kind === 'busy') await reminders.set(KIND, key, step.until)
  })

  return {
    add(eventPackage) {
      packages.set(eventPackage.name, eventPackage)
      const each = async (resource: Uri, change: (state: Subscription) => Subscription): Promise<void> => {
        const keys = await lists.keys(eventPackage.name, resource)
        await Promise.all(
          keys.map(async (key) => {
            await update(key, eventPackage, (state) => ({ next: state && change(state), result: undefined }))
            notifySoon(key)
          }),
        )
      }
      return {
        changed: (resource, changes) =>
          changes.length === 0 ? Promise.resolve() : each(resource, (state) => changed(state, changes)),
        end: (resource, reason) => each(resource, (state) => ended(state, reason)),
      }
    },
  }
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

/** Call-ID and tag are the peer's and ours: a digest bounds their length. */
function keyOf({ callId, localTag }: { readonly callId: string; readonly localTag: string }): string {
  return createHash('sha256').update(`${callId}\n${localTag}`).digest('hex').slice(0, 32)
}

const noteKey = (key: string): string => `${KIND}:${key}`
