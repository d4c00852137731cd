import type { UriOptions } from '../../cpm/address.js'
import type { Clock } from '../../cpm/clock.js'
import { readHeaderFields } from '../../cpm/sip-headers.js'
import type { SipHeaders } from '../headers.js'
import { IN_DIALOG, type LinkOutcome } from '../link.js'
import type { OutboundOptions } from '../outbound.js'
import type { CallOutcome, OutgoingCall, SessionIdentities } from '../session-port.js'
import type { SipStack } from '../stack.js'
import { askedTimer, focusOf, MIN_SE_S } from './call-headers.js'
import { inviteRequest } from './invite-request.js'
import type { HeldLeg, LegOptions } from './leg.js'

export interface OutgoingCallContext {
  readonly stack: Pick<SipStack, 'request' | 'invite'>
  readonly outbound: OutboundOptions & UriOptions
  readonly timerSeconds: number
  readonly clock: Clock
  /** SIP URI of this node among others. */
  readonly node: () => string | undefined
  /** Enters the leg before anything of its dialog comes. */
  readonly hold: (leg: Pick<LegOptions, 'dialogId' | 'role' | 'contact' | 'focus' | 'sdp' | 'timer'>) => HeldLeg
  readonly sent: (outcome: LinkOutcome, ms: number) => void
}

/** An INVITE without Expires that nobody answers ends all the same. */
const LONGEST_MS = 600_000
/** Time for the answer to a CANCEL. */
const CANCEL_MS = 40_000
const ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'

/** Sends an INVITE and hears of its outcome; a second time when the peer wants a longer session interval (RFC 4028 §7.4). */
export async function sendCall(
  call: OutgoingCall,
  onProgress: (status: number) => void,
  withdrawn: AbortSignal,
  context: OutgoingCallContext,
): Promise<CallOutcome> {
  const first = await attempt(call, context.timerSeconds, onProgress, withdrawn, context)
  return typeof first === 'number' ? asOutcome(await attempt(call, first, onProgress, withdrawn, context)) : first
}

/** The outcome, or the session interval the peer asks for. */
function attempt(
  call: OutgoingCall,
  timerSeconds: number,
  onProgress: (status: number) => void,
  withdrawn: AbortSignal,
  context: OutgoingCallContext,
): Promise<CallOutcome | number> {
  const { stack, outbound, clock } = context
  if (withdrawn.aborted) return Promise.resolve({ kind: 'withdrawn' })
  const at = clock.now()
  const { request, contact } = inviteRequest(call, outbound, timerSeconds, at, context.node())
  const lastsMs = call.expiresAt === undefined ? LONGEST_MS : Math.max(call.expiresAt - at, 0)
  const heard = new Set<number>()
  return new Promise((resolve) => {
    let unwanted: CallOutcome | undefined
    const giveUp = (outcome: CallOutcome, reason?: string): void => {
      unwanted ??= outcome
      invite.cancel(reason)
    }
    const onWithdrawn = (): void =>
      giveUp({ kind: 'withdrawn' }, withdrawn.reason === 'elsewhere' ? ELSEWHERE : undefined)
    const cancelLimit = clock.after(lastsMs, () => giveUp({ kind: 'unanswered', said: 'the validity is over' }))
    withdrawn.addEventListener('abort', onWithdrawn, { once: true })
    // It may be over before this returns.
    const invite = stack.invite(request, lastsMs + CANCEL_MS, {
      provisional({ status }) {
        if (unwanted || heard.has(status)) return
        heard.add(status)
        onProgress(status)
      },
      final(outcome, dialogId) {
        cancelLimit()
        withdrawn.removeEventListener('abort', onWithdrawn)
        context.sent(outcome, clock.now() - at)
        if (outcome.kind === 'response' && outcome.status < 300) {
          if (unwanted) {
            // RFC 3261 §9.1: the CANCEL came too late.
            void stack.request({ method: 'BYE', uri: IN_DIALOG, dialogId, headers: {} }, CANCEL_MS)
            return resolve(unwanted)
          }
          return resolve(accepted(call, contact, timerSeconds, outcome, dialogId, context))
        }
        resolve(unwanted ?? failed(outcome, timerSeconds))
      },
    })
  })
}

function accepted(
  call: OutgoingCall,
  contact: string,
  timerSeconds: number,
  { headers, body }: Extract<LinkOutcome, { kind: 'response' }>,
  dialogId: string,
  { hold, outbound }: OutgoingCallContext,
): CallOutcome {
  const timer = { seconds: timerSeconds, agreed: askedTimer(headers).seconds !== undefined }
  const focus = focusOf(headers, outbound)
  const leg = hold({ dialogId, role: 'uac', contact, focus, sdp: { local: call.offer, remote: body }, timer })
  const device = call.destination.kind === 'device' ? call.destination.instance : undefined
  return {
    kind: 'accepted',
    leg,
    sdp: body,
    identities: identitiesIn(headers),
    ...(device !== undefined && { device }),
    ...(call.firstMessage !== undefined && { hasFirstMessage: true }),
  }
}

function failed(outcome: LinkOutcome, timerSeconds: number): CallOutcome | number {
  if (outcome.kind !== 'response') return { kind: 'unanswered', said: outcome.said }
  const { status, reason, headers, synthesised } = outcome
  if (synthesised) return { kind: 'unanswered', said: `${status} ${reason}` }
  const minimum = Number(/^\s*(\d{1,6})/.exec(headers.get('min-se') ?? '')?.[1])
  if (status === 422 && minimum > Math.max(timerSeconds, MIN_SE_S)) return minimum
  const retryAfter = /^\s*(\d{1,9})/.exec(headers.get('retry-after') ?? '')?.[1]
  return {
    kind: 'refused',
    status,
    reason,
    ...(retryAfter !== undefined && { retryAfterSeconds: Number(retryAfter) }),
  }
}

const asOutcome = (outcome: CallOutcome | number): CallOutcome =>
  typeof outcome === 'number' ? { kind: 'refused', status: 422, reason: 'Session Interval Too Small' } : outcome

/** Of a 2xx; what cannot be read counts for nothing. */
function identitiesIn(headers: SipHeaders): SessionIdentities {
  const fields = readHeaderFields((name) => headers.get(name.toLowerCase()))
  if (typeof fields === 'string') return {}
  const { conversationId, contributionId, inReplyTo, service } = fields
  return {
    ...(conversationId !== undefined && { conversationId }),
    ...(contributionId !== undefined && { contributionId }),
    ...(inReplyTo !== undefined && { inReplyTo }),
    ...(service !== undefined && { service }),
  }
}
