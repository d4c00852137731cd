import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import { sipRequestUri } from '../cpm/address.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { DialogReply, EventAnswer, EventPort, EventRequest, SipDialog } from '../sip/port.js'
import type { Reminders } from '../spool/reminders.js'
import type { NoteStore } from '../spool/spool.js'
import { parseEvent, parseSubscriptionState, type SubscriptionState, seconds } from './event-headers.js'
import type { SubscribedPackage } from './package.js'
import { type AskOutcome, answered, asked, lives, newDialog, notified, type Watch } from './watch.js'

export interface Subscriber {
  add(subscribed: SubscribedPackage): SubscribedResources
}

export interface SubscribedResources {
  /**
   * Subscribes to a resource unless a subscription lives already, and keeps it until the notifier ends or refuses it.
   * `identity`: our URI, to be asserted. Resolves when it is stored; rejects with SpoolUnavailable.
   */
  watch(resource: Uri, identity: string): Promise<void>
  /** Ends the subscription of an identity. Resolves when it is no longer kept; rejects with SpoolUnavailable. */
  unwatch(resource: Uri, identity: string): Promise<void>
}

export interface SubscriberOptions {
  readonly port: EventPort
  readonly notes: NoteStore
  readonly reminders: Reminders
  readonly domain: string
  /** URI of the next hop, the SIP/IP core; without one the address itself leads the way. */
  readonly core?: string
  readonly clock: Clock
  readonly log: Logger
  /** Counts a document of a package that could not be read. */
  readonly onFaulty: (packageName: string) => void
}

type Admission =
  | { readonly kind: 'refused'; readonly status: number }
  /** No watch: the subscription is over. */
  | {
      readonly kind: 'admitted'
      readonly watch: Watch | undefined
      readonly resource: Uri
      readonly identity: string
    }

const KIND = 'watch'
const LIFE_MS = 8 * 86_400_000

/**
 * The subscriber of all event packages (RFC 6665 §4.1). Subscriptions lie in notes and their times in reminders, so that they go on
 * after a restart and on every node.
 */
export function createSubscriber(options: SubscriberOptions): Subscriber {
  const { port, notes, reminders, domain, core, clock, log } = options
  const packages = new Map<string, SubscribedPackage>()

  const update = <Result>(
    name: string,
    change: (state: Watch | undefined) => { next: Watch | undefined; result: Result },
  ): Promise<Result> => notes.update<Watch, Result>(`${KIND}:${name}`, LIFE_MS, change)

  function freshDialog(packageName: string, resource: Uri, identity: string): SipDialog {
    const nextHop = packages.get(packageName)?.server ?? core
    const target = sipRequestUri(resource, domain)
    const remote = resource.startsWith('tel:') ? resource : target
    return newDialog({
      callId: randomUUID(),
      localTag: randomUUID().slice(0, 8),
      local: identity,
      remote,
      target,
      ...(nextHop !== undefined && { nextHop }),
    })
  }

  const nameOf = ({ name, eachIdentity }: SubscribedPackage, resource: Uri, identity: string): string =>
    eachIdentity ? `${name}:${resource} ${identity}` : `${name}:${resource}`

  async function watch(subscribed: SubscribedPackage, resource: Uri, identity: string): Promise<void> {
    const name = nameOf(subscribed, resource, identity)
    const begun = await update(name, (state) => {
      if (state && lives(state, clock.now())) return { next: state, result: false }
      const next: Watch = {
        package: subscribed.name,
        resource,
        identity,
        dialog: freshDialog(subscribed.name, resource, identity),
        state: 'asking',
        expiresSeconds: subscribed.expiresSeconds,
        expiresAt: 0,
        dueAt: clock.now(),
        failures: 0,
      }
      return { next, result: true }
    })
    if (!begun) return
    await reminders.set(KIND, name, clock.now())
  }

  async function unwatch(subscribed: SubscribedPackage, resource: Uri, identity: string): Promise<void> {
    const name = nameOf(subscribed, resource, identity)
    const last = await update(name, (state) => ({ next: undefined, result: state && asked(state, clock.now()) }))
    if (last === undefined || last.expiresAt <= clock.now()) return
    // The notifier's last word finds nobody, and what is not sent here ends by itself.
    void port.sendInDialog({ method: 'SUBSCRIBE', dialog: last.dialog, headers: headersOf(last, 0) })
  }

  /** Does what is due, and sees to it that somebody looks again in time. */
  async function look(name: string): Promise<void> {
    const found = await update(name, (state) => {
      if (!state || state.dueAt > clock.now()) return { next: state, result: { ask: false, watch: state } }
      if (state.state === 'refused') return { next: undefined, result: { ask: false, watch: undefined } }
      const next = asked(state, clock.now())
      return { next, result: { ask: true, watch: next } }
    })
    if (!found.watch) return
    await reminders.set(KIND, name, found.watch.dueAt)
    if (!found.ask) return
    const outcome = await ask(name, found.watch)
    const { resource, identity } = found.watch
    const after = await update(name, (state) => {
      // Meanwhile it may have been ended, or begun anew.
      if (state?.dialog.callId !== found.watch?.dialog.callId) return { next: state, result: state }
      const next = state && answered(state, outcome, clock.now(), freshDialog(state.package, resource, identity))
      return { next, result: next }
    })
    if (!after) return
    if (after.expiresAt === 0) {
      await packages.get(after.package)?.ended(resource, identity, after.state === 'refused')
    }
    await reminders.set(KIND, name, after.dueAt)
  }

  const headersOf = (watch: Watch, expiresSeconds: number) => ({
    Event: watch.package,
    Accept: packages.get(watch.package)?.contentType ?? '',
    Expires: String(expiresSeconds),
    'P-Asserted-Identity': `<${watch.identity}>`,
  })

  async function ask(name: string, watch: Watch): Promise<AskOutcome> {
    const { dialog, expiresSeconds } = watch
    await notes.put({ key: callKey(dialog.callId), value: name, lifeMs: LIFE_MS })
    const headers = headersOf(watch, expiresSeconds)
    const reply = await port.sendInDialog({ method: 'SUBSCRIBE', dialog, headers })
    const outcome = outcomeOf(reply, expiresSeconds)
    if (outcome.kind !== 'granted') {
      log.warn({ package: watch.package, resource: watch.resource, said: reply.said }, 'not subscribed')
    }
    return outcome
  }

  async function notify(request: EventRequest): Promise<EventAnswer> {
    const event = parseEvent(request.header('event'))
    const subscribed = packages.get(event?.package ?? '')
    if (!subscribed) return { status: 489, headers: { 'Allow-Events': [...packages.keys()].join(', ') } }
    const state = parseSubscriptionState(request.header('subscription-state'))
    if (!state) return { status: 400, warning: 'Subscription-State is missing' }
    const name = await notes.get(callKey(request.dialog.callId))
    if (name === undefined) return { status: 481 }
    const step = await update<Admission>(name, (known) => admit(known, request, state))
    if (step.kind === 'refused') return { status: step.status }
    await reminders.set(KIND, name, step.watch?.dueAt ?? clock.now())
    const { resource, identity, watch: left } = step
    if (state.state === 'pending' || (state.state === 'active' && request.body === '')) {
      await subscribed.standing?.(resource, identity, state.state)
      return { status: 200 }
    }
    const answer = await read(subscribed, name, step, request)
    if (left === undefined || left.expiresAt === 0) await subscribed.ended(resource, identity, left === undefined)
    return answer
  }

  /** What a NOTIFY makes of its subscription: its CSeq must be new, and the first one settles the dialog. */
  function admit(
    known: Watch | undefined,
    { dialog, sequence }: EventRequest,
    state: SubscriptionState,
  ): { readonly next: Watch | undefined; readonly result: Admission } {
    const ours = known?.dialog
    if (!ours || ours.callId !== dialog.callId || ours.localTag !== dialog.localTag) {
      return { next: known, result: { kind: 'refused', status: 481 } }
    }
    if (ours.remoteTag !== undefined && ours.remoteTag !== dialog.remoteTag) {
      return { next: known, result: { kind: 'refused', status: 481 } }
    }
    if (sequence <= ours.remoteSequence) return { next: known, result: { kind: 'refused', status: 500 } }
    const routes = ours.remoteTag === undefined ? dialog.routes : ours.routes
    const settled: SipDialog = {
      ...ours,
      ...(dialog.remoteTag !== undefined && { remoteTag: dialog.remoteTag }),
      target: dialog.target,
      routes,
      remoteSequence: sequence,
    }
    const { resource, identity } = known
    const fresh = freshDialog(known.package, resource, identity)
    const next = notified({ ...known, dialog: settled }, state, clock.now(), fresh)
    return { next, result: { kind: 'admitted', watch: next, resource, identity } }
  }

  async function read(
    subscribed: SubscribedPackage,
    name: string,
    { resource, identity }: Extract<Admission, { kind: 'admitted' }>,
    { header, body, dialog }: EventRequest,
  ): Promise<EventAnswer> {
    if (body === '') return { status: 200 }
    const contentType = (header('content-type') ?? '').replace(/;.*$/s, '').trim().toLowerCase()
    if (contentType !== subscribed.contentType) {
      return { status: 415, headers: { Accept: subscribed.contentType } }
    }
    const verdict = await subscribed.notified({ resource, identity, subscription: dialog.callId, body })
    if (verdict.kind === 'faulty') {
      options.onFaulty(subscribed.name)
      return { status: 400, warning: verdict.said }
    }
    if (verdict.kind === 'incomplete') await soon(name)
    return { status: 200 }
  }

  /** A SUBSCRIBE brings the whole state. */
  async function soon(name: string): Promise<void> {
    const now = clock.now()
    await update(name, (state) => ({
      next: state?.state === 'active' ? { ...state, dueAt: now } : state,
      result: undefined,
    }))
    await reminders.set(KIND, name, now)
  }

  port.onEvent('NOTIFY', notify)
  reminders.on(KIND, look)

  return {
    add(subscribed) {
      packages.set(subscribed.name, subscribed)
      return {
        watch: (resource, identity) => watch(subscribed, resource, identity),
        unwatch: (resource, identity) => unwatch(subscribed, resource, identity),
      }
    },
  }
}

/** Statuses that do not depend on the moment: the notifier does not want this subscription. */
const REFUSALS = new Set([403, 404, 405, 406, 410, 416, 420, 485, 489, 493, 501, 603, 604, 606])

function outcomeOf(reply: DialogReply, askedSeconds: number): AskOutcome {
  if (reply.kind !== 'answered') return { kind: 'failed' }
  const { status, retryAfterSeconds } = reply
  if (status < 300) {
    const granted = seconds(reply.header('expires')) ?? askedSeconds
    return granted > 0 ? { kind: 'granted', seconds: granted, dialog: reply.dialog } : { kind: 'refused' }
  }
  if (status === 423) return { kind: 'too-brief', minSeconds: seconds(reply.header('min-expires')) ?? askedSeconds * 2 }
  if (status === 481) return { kind: 'unknown' }
  if (REFUSALS.has(status)) return { kind: 'refused' }
  return { kind: 'failed', ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }
}

const callKey = (callId: string): string => `${KIND}-call:${callId}`
