import type { Uri } from '../cpm/ids.js'
import type { SipDialog } from '../sip/port.js'
import type { SubscriptionState } from './event-headers.js'

/** A subscription of ours as it is kept: plain JSON in a note, so that any node goes on with it at any time. */
export interface Watch {
  readonly package: string
  readonly resource: Uri
  readonly dialog: SipDialog
  /** Asserted identity of our requests: a URI of ours that the core knows. */
  readonly identity: string
  /**
   * asking: no answer yet. active: the notifier has granted it. waiting: it will be asked for again. refused: it was refused for
   * good, which is believed for a while.
   */
  readonly state: 'asking' | 'active' | 'waiting' | 'refused'
  /** Life asked for, seconds. */
  readonly expiresSeconds: number
  /** End of what was granted; 0 when nothing is. */
  readonly expiresAt: number
  /** When something has to be done: ask (again), refresh, or forget the refusal. */
  readonly dueAt: number
  /** Attempts in a row that failed. */
  readonly failures: number
}

/** What came of a SUBSCRIBE. */
export type AskOutcome =
  | { readonly kind: 'granted'; readonly seconds: number; readonly dialog: SipDialog }
  | { readonly kind: 'too-brief'; readonly minSeconds: number }
  /** Our dialog is not known there any more. */
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused' }
  | { readonly kind: 'failed'; readonly retryAfterSeconds?: number }

/** Longer than the edge waits for an answer. */
const ASKING_MS = 60_000
const FIRST_RETRY_MS = 15_000
const LAST_RETRY_MS = 1_800_000
const REFUSAL_MS = 3_600_000
const MAX_EXPIRES_S = 7 * 86_400

export type NewDialog = Pick<SipDialog, 'callId' | 'localTag' | 'local' | 'remote' | 'target' | 'nextHop'>

/** A dialog that has not begun. */
export function newDialog(start: NewDialog): SipDialog {
  return { ...start, role: 'uac', routes: [], localSequence: 0, remoteSequence: 0 }
}

/** Whether no further subscription is needed (`REG-17`: not a second one while one lives). */
export function lives({ state, expiresAt, dueAt }: Watch, now: number): boolean {
  return state === 'active' ? expiresAt > now : dueAt + ASKING_MS > now
}

/** A SUBSCRIBE is sent now, with the next CSeq. */
export const asked = (watch: Watch, now: number): Watch => ({
  ...watch,
  state: watch.state === 'active' ? 'active' : 'asking',
  dialog: { ...watch.dialog, localSequence: watch.dialog.localSequence + 1 },
  dueAt: now + ASKING_MS,
})

/** After the answer to a SUBSCRIBE. `fresh` is the dialog to begin anew with. */
export function answered(watch: Watch, outcome: AskOutcome, now: number, fresh: SipDialog): Watch {
  switch (outcome.kind) {
    case 'granted':
      return granted({ ...watch, dialog: merged(watch.dialog, outcome.dialog), failures: 0 }, outcome.seconds, now)
    case 'too-brief':
      return again(
        { ...watch, expiresSeconds: Math.min(Math.max(outcome.minSeconds, watch.expiresSeconds + 1), MAX_EXPIRES_S) },
        now,
        0,
      )
    case 'unknown':
      return again({ ...watch, dialog: fresh, state: 'waiting', expiresAt: 0 }, now, 0)
    case 'refused':
      return { ...watch, state: 'refused', dialog: fresh, expiresAt: 0, dueAt: now + REFUSAL_MS }
    case 'failed': {
      const later = again(watch, now, outcome.retryAfterSeconds)
      // What was granted still holds; after its end there is nothing to refresh.
      return watch.state === 'active' && later.dueAt < watch.expiresAt
        ? later
        : { ...later, state: 'waiting', dialog: fresh, expiresAt: 0 }
    }
  }
}

/** After a NOTIFY (RFC 6665 §4.1.3). undefined: it is over for good. */
export function notified(watch: Watch, state: SubscriptionState, now: number, fresh: SipDialog): Watch | undefined {
  if (state.state !== 'terminated') {
    return state.expiresSeconds === undefined
      ? watch
      : granted(watch, Math.min(state.expiresSeconds, watch.expiresSeconds), now)
  }
  const over = { ...watch, dialog: fresh, expiresAt: 0 }
  switch (state.reason) {
    case 'rejected':
    case 'noresource':
    case 'invariant':
      return undefined
    case 'deactivated':
    case 'timeout':
      return again({ ...over, state: 'waiting' }, now, 0)
    default:
      return again({ ...over, state: 'waiting' }, now, state.retryAfterSeconds)
  }
}

/** Half way, or 10 minutes before the end of a long one (as 3GPP TS 24.229 §5.4.2.1 has it). */
function granted(watch: Watch, seconds: number, now: number): Watch {
  const early = seconds > 1200 ? 600 : seconds / 2
  return { ...watch, state: 'active', expiresAt: now + seconds * 1000, dueAt: now + (seconds - early) * 1000 }
}

/** At once the first time if `retryAfterSeconds` is 0, else after a time that doubles with each failure. */
function again(watch: Watch, now: number, retryAfterSeconds?: number): Watch {
  const backoff = Math.min(FIRST_RETRY_MS * 2 ** watch.failures, LAST_RETRY_MS)
  const atOnce = retryAfterSeconds === 0 && watch.failures === 0
  const wait = atOnce ? 0 : retryAfterSeconds ? retryAfterSeconds * 1000 : backoff
  return { ...watch, failures: watch.failures + 1, dueAt: now + wait }
}

/** A NOTIFY may have said more than the answer, and before it. */
function merged(known: SipDialog, answered: SipDialog): SipDialog {
  if (known.remoteTag === undefined) return { ...answered, remoteSequence: known.remoteSequence }
  return { ...known, target: answered.remoteTag === known.remoteTag ? answered.target : known.target }
}
