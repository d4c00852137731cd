import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { EventAnswer, EventPort, EventRequest } from '../sip/port.js'
import type { Reminders } from '../spool/reminders.js'
import type { NoteStore } from '../spool/spool.js'
import { accepts, type EndReason, type EventName, parseEvent, seconds } from './event-headers.js'
import { type AnyPackage, createNotificationSender, digest, RETRY_MS } from './notification.js'
import type { EventPackage, Standing, Watcher } from './package.js'
import { createRateLimit, type RateLimit } from './rate.js'
import { ANY_NUMBER, createSubscriberList } from './subscriber-list.js'
import {
  begun,
  changed,
  ended,
  type NextStep,
  next,
  refreshed,
  reviewed,
  type Subscription,
  settled,
  watcherOf,
} from './subscription.js'

/** A package at work: what its owner tells of its resources. */
export interface PublishedPackage<Change> {
  /** Tells all subscribers. Resolves when they are told or will be later; rejects with SpoolUnavailable. */
  changed(resource: Uri, changes: readonly Change[]): Promise<void>
  /** Ends all subscriptions to a resource. */
  end(resource: Uri, reason: EndReason): Promise<void>
  /**
   * Looks at each subscription to a resource anew, after what its authorisation rests on has changed; those for which `look`
   * says nothing stay as they are. An active one that stays active is told the state again if it looks different.
   */
  review(resource: Uri, look: (subscriber: Uri | undefined) => Promise<Standing | undefined>): Promise<void>
  /** Those who subscribe to a resource. Rejects with SpoolUnavailable. */
  watchers(resource: Uri): Promise<readonly Watcher[]>
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
  /** Counts a SUBSCRIBE that was one too many, of a package. */
  readonly onLimited?: (packageName: string) => void
}

/** Subscriptions to one resource of one package at most, where the package does not say. */
const MAX_PER_RESOURCE = 100
/** Notes outlive the subscription, so that one that ended while no node ran can still be told. */
const GRACE_MS = 3_600_000
/** Until a node looks again that may be the right one. */
const ELSEWHERE_MS = 500
const KIND = 'subscription'

/**
 * The notifier of all event packages (RFC 6665 §4.2): takes SUBSCRIBE, sends NOTIFY. Subscriptions lie in notes and their times in
 * reminders, so that they go on after a restart and on every node.
 */
export function createNotifier({ port, notes, reminders, clock, log, onLimited }: NotifierOptions): Notifier {
  const packages = new Map<string, AnyPackage>()
  const rates = new Map<string, RateLimit>()
  const lists = createSubscriberList(notes, clock)
  const send = createNotificationSender(port, clock)

  const most = ({ maxSubscriptions: all = MAX_PER_RESOURCE, maxEach: each = all }: AnyPackage) => ({ all, each })
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
    // Who only asks for an end is never kept from it.
    const isEnd = request.inDialog && granted === 0
    const who = request.originator?.uri ?? request.dialog.remote
    if (!isEnd && rates.get(found.name)?.admits(who) === false) return tooMany(found, 'requests')
    return request.inDialog ? refresh(request, event, found, granted) : begin(request, event, found, granted)
  }

  function tooMany({ name }: AnyPackage, what: string): EventAnswer {
    onLimited?.(name)
    return { status: 503, retryAfterSeconds: RETRY_MS / 1000, warning: `too many ${what}` }
  }

  async function begin(
    request: EventRequest,
    { id }: EventName,
    found: AnyPackage,
    granted: number,
  ): Promise<EventAnswer> {
    const { dialog, originator, byCore, target } = request
    if (target === undefined) return { status: 404 }
    const accept = request.header('accept')
    if (![found.contentType, ...(found.otherTypes ?? [])].some((type) => accepts(accept, type))) {
      return { status: 406, warning: `the body of ${found.name} is ${found.contentType}` }
    }
    const authorised = await found.authorise({
      resource: target,
      byCore,
      supports: (request.header('supported') ?? '').split(',').map((tag) => tag.trim().toLowerCase()),
      ...(originator && { subscriber: originator }),
      ...(accept !== undefined && { accept }),
    })
    if (authorised.kind === 'elsewhere') return authorised.answer
    const { headers = {} } = authorised
    if (authorised.kind === 'refused') return { status: authorised.status, warning: authorised.warning, headers }
    const { resource, pending, form } = authorised
    const key = keyOf(dialog)
    const expiresAt = clock.now() + granted * 1000
    const entry = entryOf(key, expiresAt, originator?.uri)
    if (!(await lists.add(found.name, resource, entry, lifeOf(found), most(found)))) {
      await found.unused?.(resource, originator?.uri)
      return tooMany(found, 'subscriptions to this address')
    }
    const subscription = begun({
      package: found.name,
      resource,
      dialog,
      begunAt: clock.now(),
      expiresAt,
      ...(pending && { pending }),
      ...(form !== undefined && { form }),
      ...(id !== undefined && { id }),
      ...(originator && { subscriber: originator.uri }),
    })
    // Expires 0 fetches the state once (RFC 6665 §4.4.3).
    const next = granted === 0 ? { ...subscription, ending: 'timeout' as const } : subscription
    await update(key, found, () => ({ next, result: undefined }))
    await found.watched?.(resource, watcherOf(key, subscription))
    return accepted(key, granted, headers)
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
    if (subscription) {
      const { resource, subscriber } = subscription
      await lists.add(found.name, resource, entryOf(key, expiresAt, subscriber), lifeOf(found), ANY_NUMBER)
    }
    return accepted(key, granted)
  }

  function accepted(key: string, granted: number, headers: Readonly<Record<string, string>> = {}): EventAnswer {
    return { status: 200, headers: { ...headers, Expires: String(granted) }, afterwards: () => notifySoon(key) }
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
    const known = await read(key)
    const found = packages.get(known?.package ?? '')
    if (!known || !found) return undefined
    if (await found.isElsewhere?.(known.resource)) {
      const until = clock.now() + ELSEWHERE_MS
      await reminders.set(KIND, key, until)
      return { kind: 'wait', until }
    }
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
      const { subscription } = step.notice
      // Should this process die now, another one looks.
      await reminders.set(KIND, key, subscription.sendingUntil ?? clock.now())
      const { outcome, said } = await send(found, step.notice)
      const left = await update(key, found, (current) => {
        const after = current && settled(current, outcome, said)
        return { next: after, result: after }
      })
      if (!left) {
        await lists.remove(found.name, subscription.resource, key, lifeOf(found))
        await found.watched?.(
          subscription.resource,
          watcherOf(key, ended(subscription, subscription.ending ?? 'timeout')),
        )
        return undefined
      }
    }
  }

  async function review(
    found: AnyPackage,
    key: string,
    look: (subscriber: Uri | undefined) => Promise<Standing | undefined>,
  ): Promise<void> {
    const known = await read(key)
    const standing = known && (await look(known.subscriber))
    if (standing === undefined) return
    const { before, after } = await update(key, found, (state) => {
      const next = state && reviewed(state, standing)
      return { next, result: { before: state, after: next } }
    })
    // Its end is told when the subscriber knows of it.
    if (after && after.event !== before?.event && after.ending === undefined) {
      await found.watched?.(after.resource, watcherOf(key, after))
    }
    if (after !== before) notifySoon(key)
  }

  port.onEvent('SUBSCRIBE', subscribe)
  reminders.on(KIND, async (key) => {
    const step = await notify(key)
    if (step?.kind === 'busy') await reminders.set(KIND, key, step.until)
  })

  return {
    add(eventPackage) {
      packages.set(eventPackage.name, eventPackage)
      const { perMinute } = eventPackage
      if (perMinute !== undefined) rates.set(eventPackage.name, createRateLimit(perMinute, clock))
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
        async review(resource, look) {
          const keys = await lists.keys(eventPackage.name, resource)
          await Promise.all(keys.map((key) => review(eventPackage, key, look)))
        },
        async watchers(resource) {
          const keys = await lists.keys(eventPackage.name, resource)
          const all = await Promise.all(keys.map(async (key) => ({ key, state: await read(key) })))
          return all.flatMap(({ key, state }) => (state ? [watcherOf(key, state)] : []))
        },
      }
    },
  }
}

/** Call-ID and tag are the peer's and ours: a digest bounds their length. */
function keyOf({ callId, localTag }: { readonly callId: string; readonly localTag: string }): string {
  return digest(`${callId}\n${localTag}`)
}

const entryOf = (key: string, expiresAt: number, subscriber: Uri | undefined) => ({
  key,
  expiresAt,
  ...(subscriber !== undefined && { by: digest(subscriber).slice(0, 8) }),
})

const noteKey = (key: string): string => `${KIND}:${key}`
