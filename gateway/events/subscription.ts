import type { Uri } from '../cpm/ids.js'
import type { SipDialog } from '../sip/port.js'
import type { EndReason } from './event-headers.js'
import type { Standing, Watcher, WatcherEvent } from './package.js'

/** A subscription as its notifier keeps it: plain JSON in a note, so that any node goes on with it at any time. */
export interface Subscription {
  readonly package: string
  /** id of its Event header. */
  readonly id?: string
  readonly resource: Uri
  readonly subscriber?: Uri
  readonly dialog: SipDialog
  readonly begunAt: number
  readonly expiresAt: number
  /** Nobody has decided yet whether he may know. */
  readonly pending?: true
  readonly event: WatcherEvent
  /** Which of the package's documents he gets. */
  readonly form?: string
  /** Digest of the last body that was taken, and what its package wants to know of it. */
  readonly told?: string
  readonly kept?: unknown
  /** Of the last document; -1 before the first. */
  readonly version: number
  /** What the subscriber has not been told. */
  readonly due: 'nothing' | 'full' | readonly unknown[]
  /** It does not wait for the shortest interval: an answer to the subscriber, or the end. */
  readonly urgent: boolean
  /** The next notification is the last. */
  readonly ending?: EndReason
  readonly notifiedAt?: number
  /** A notification is under way until then, or got lost with its sender. */
  readonly sendingUntil?: number
  /** The last notification is to be repeated, not before then. */
  readonly notBefore?: number
  /** The last notification was not answered. */
  readonly missed?: true
}

/** A notification that is to be sent. */
export interface Notice {
  readonly subscription: Subscription
  readonly content: 'full' | readonly unknown[]
  /** Value of Subscription-State. */
  readonly state: string
  /** It goes out although its body may be the one the subscriber has. */
  readonly insists: boolean
  /** When the one before was sent. */
  readonly notifiedBefore?: number
}

/** Changes kept for one notification; with more, the whole state is shorter. */
const MAX_CHANGES = 30
/** Longer than the edge waits for an answer. */
const SENDING_MS = 60_000

export const begun = (
  start: Pick<
    Subscription,
    'package' | 'id' | 'resource' | 'subscriber' | 'form' | 'dialog' | 'begunAt' | 'expiresAt' | 'pending' | 'ending'
  >,
): Subscription => ({ ...start, event: 'subscribe', version: -1, due: 'full', urgent: true })

/** A SUBSCRIBE within the dialog: its notifier tells the whole state again (RFC 6665 §4.2.1.2), and ends it for Expires 0. */
export function refreshed(
  subscription: Subscription,
  { target, nextHop, remoteSequence }: SipDialog,
  expiresAt: number,
  ending: EndReason | undefined,
): Subscription {
  const { nextHop: _before, ...dialog } = subscription.dialog
  return {
    ...subscription,
    dialog: { ...dialog, target, remoteSequence, ...(nextHop !== undefined && { nextHop }) },
    expiresAt,
    due: 'full',
    urgent: true,
    ...(ending !== undefined && { ending }),
  }
}

export function changed(subscription: Subscription, changes: readonly unknown[]): Subscription {
  const { due, pending } = subscription
  if (due === 'full' || pending) return subscription
  const all = due === 'nothing' ? changes : [...due, ...changes]
  return { ...subscription, due: all.length > MAX_CHANGES ? 'full' : all }
}

/** After its authorisation was looked at anew; the same value when nothing is to be told. */
export function reviewed(subscription: Subscription, standing: Standing): Subscription {
  if (subscription.ending !== undefined) return subscription
  if (typeof standing === 'object') return ended(subscription, standing.ended)
  const isPending = subscription.pending === true
  if (standing === 'active' && !isPending) return { ...subscription, due: 'full' }
  if (standing === 'pending' && isPending) return subscription
  const { pending: _pending, ...rest } = subscription
  const told = { due: 'full', urgent: true } as const
  return standing === 'pending'
    ? { ...rest, ...told, pending: true, event: 'subscribe' }
    : { ...rest, ...told, event: 'approved' }
}

/** What the owner of the resource may know of it. */
export const watcherOf = (id: string, subscription: Subscription): Watcher => {
  const { subscriber, pending, event, ending, begunAt, expiresAt } = subscription
  // RFC 3857 §4.7.1: he asked, and nobody said anything.
  const undecided = pending && ending === 'timeout'
  return {
    id,
    ...(subscriber !== undefined && { uri: subscriber }),
    status: ending === undefined ? (pending ? 'pending' : 'active') : undecided ? 'waiting' : 'terminated',
    event,
    begunAt,
    ...(ending === undefined && { expiresAt }),
  }
}

export const ended = (subscription: Subscription, ending: EndReason): Subscription => ({
  ...subscription,
  event: ending,
  ending,
  due: 'full',
  urgent: true,
})

/** send: after which the subscription is as given. wait: nothing to do before then. busy: somebody else is sending. */
export type NextStep =
  | { readonly kind: 'send'; readonly notice: Notice }
  | { readonly kind: 'wait'; readonly until: number }
  | { readonly kind: 'busy'; readonly until: number }

/** What is to be done at `now`. */
export function next(subscription: Subscription, now: number, minIntervalMs: number): NextStep {
  const { sendingUntil, expiresAt, notBefore = 0 } = subscription
  if (sendingUntil !== undefined && sendingUntil > now) return { kind: 'busy', until: sendingUntil }
  if (notBefore > now) return { kind: 'wait', until: notBefore }
  const isOver = expiresAt <= now && subscription.ending === undefined
  // Nobody knows whether what was under way has arrived.
  const isLost = sendingUntil !== undefined
  const state = isOver
    ? ended(subscription, 'timeout')
    : isLost
      ? { ...subscription, due: 'full' as const }
      : subscription
  if (state.due === 'nothing') return { kind: 'wait', until: expiresAt }
  const earliest = state.urgent ? now : (state.notifiedAt ?? 0) + minIntervalMs
  if (earliest > now) return { kind: 'wait', until: Math.min(earliest, expiresAt) }
  return { kind: 'send', notice: notice(state, state.due, now, state.urgent || isLost) }
}

function notice(state: Subscription, content: Notice['content'], now: number, insists: boolean): Notice {
  const { dialog, ending, expiresAt, pending, version, notifiedAt } = state
  return {
    content,
    insists,
    ...(notifiedAt !== undefined && { notifiedBefore: notifiedAt }),
    state:
      ending === undefined
        ? `${pending ? 'pending' : 'active'};expires=${Math.max(0, Math.ceil((expiresAt - now) / 1000))}`
        : `terminated;reason=${ending}`,
    subscription: {
      ...state,
      due: 'nothing',
      urgent: false,
      version: version + 1,
      dialog: { ...dialog, localSequence: dialog.localSequence + 1 },
      notifiedAt: now,
      sendingUntil: now + SENDING_MS,
    },
  }
}

/**
 * taken: the subscriber has it. gone: he knows nothing of the subscription. silent: no answer; by the second time he counts as
 * gone, because a first one may be our own link's. later: it may be sent again then. unsaid: it would have said nothing new, so
 * that nothing was sent.
 */
export type NotifyOutcome =
  | { readonly kind: 'taken' | 'gone' }
  | { readonly kind: 'unsaid'; readonly notifiedBefore: number | undefined }
  | { readonly kind: 'silent' | 'later'; readonly at: number }

/**
 * After the outcome of a notification; undefined when the subscription is over. What became due meanwhile stays due. `said` is
 * what is remembered of one that was taken.
 */
export function settled(
  subscription: Subscription,
  outcome: NotifyOutcome,
  said: Pick<Subscription, 'told' | 'kept'>,
): Subscription | undefined {
  const { sendingUntil: _sending, notBefore: _waited, missed, told: _told, kept: _kept, ...rest } = subscription
  const isOver = subscription.ending !== undefined && subscription.due === 'nothing'
  switch (outcome.kind) {
    case 'taken':
      return isOver ? undefined : { ...rest, ...said }
    case 'unsaid':
      return unsaid(subscription, outcome.notifiedBefore)
    case 'gone':
      return undefined
    case 'silent':
      return isOver || missed ? undefined : { ...rest, missed: true, due: 'full', notBefore: outcome.at }
    case 'later':
      return isOver ? undefined : { ...rest, due: 'full', notBefore: outcome.at }
  }
}

/** As if nothing had been due: a gap in CSeq, or a pause, would tell that something has changed which is not for him. */
function unsaid(subscription: Subscription, notifiedBefore: number | undefined): Subscription {
  const { sendingUntil: _sending, notBefore: _waited, notifiedAt: _now, dialog, version, ...rest } = subscription
  return {
    ...rest,
    version: version - 1,
    dialog: { ...dialog, localSequence: dialog.localSequence - 1 },
    ...(notifiedBefore !== undefined && { notifiedAt: notifiedBefore }),
  }
}
