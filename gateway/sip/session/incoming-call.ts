import type { UriOptions } from '../../cpm/address.js'
import type { Clock } from '../../cpm/clock.js'
import type { Uri } from '../../cpm/ids.js'
import { answerHeaders } from '../answer.js'
import type { SipHeaderLines } from '../headers.js'
import type { IncomingInvite } from '../link.js'
import type { SipAnswer } from '../port.js'
import { type AcceptedCall, type IncomingCall, type Invitation, type Leg, SessionGone } from '../session-port.js'
import {
  askedTimer,
  focusOf,
  grantedTimer,
  identityHeaders,
  MIN_SE_S,
  SDP,
  SESSION_ALLOW,
  sessionContact,
} from './call-headers.js'
import type { HeldLeg, LegOptions } from './leg.js'

export interface IncomingCallContext {
  readonly uris: UriOptions & { readonly domain: string }
  readonly timerSeconds: number
  readonly clock: Clock
  /** SIP URI of this node among others. */
  readonly node: () => string | undefined
  /** Passes the INVITE on to another node; false where it may not be. `done` hears how it was answered. */
  readonly forward: (node: string, done: (status: number) => void) => boolean
  readonly hold: (
    leg: Pick<LegOptions, 'dialogId' | 'role' | 'contact' | 'focus' | 'sdp' | 'timer'>,
    /** The session identity we gave. */
    own: Uri | undefined,
  ) => HeldLeg
  /** It has its final answer, ours or that of the caller's withdrawal. */
  readonly closed: (status: number) => void
  /** Nothing more will come of it but what the leg says. */
  readonly settled: () => void
}

/** Proxies give up an INVITE of which they hear nothing for three minutes (RFC 3261 §13.3.1.1). */
const AGAIN_MS = 60_000

export interface HeldCall extends IncomingCall {
  /** The way to the caller is lost. */
  lost(): void
}

/** An INVITE of the network that waits for its answer. */
export function createIncomingCall(
  invite: IncomingInvite,
  invitation: Invitation,
  context: IncomingCallContext,
): HeldCall {
  const { uris, timerSeconds, clock } = context
  const withdrawn = new AbortController()
  const said = new Set<number>()
  let open = true
  let giveUp = (): void => undefined
  let cancelAgain = (): void => undefined
  const { expiresAt } = invitation
  // RFC 3261 §13.3.1: a drachtio-server does not look at Expires.
  const cancelLimit =
    expiresAt === undefined ? () => undefined : clock.after(Math.max(expiresAt - clock.now(), 0), expired)

  function close(status: number): boolean {
    if (!open) return false
    open = false
    cancelLimit()
    cancelAgain()
    context.closed(status)
    return true
  }

  function expired(): void {
    if (!close(487)) return
    invite.answer(487)
    withdrawn.abort('expired')
    context.settled()
  }

  function gone(): void {
    if (!close(487)) return
    withdrawn.abort('cancelled')
    context.settled()
  }

  /** Another node has it. */
  function leave(): void {
    open = false
    cancelLimit()
    cancelAgain()
    context.settled()
  }

  invite.onCancel(gone)

  function provisional(status: number): void {
    const headers = { Contact: sessionContact(invitation.icsi, undefined, invite.transport) }
    invite.provisional(status, reliably(invite, headers))
    cancelAgain()
    cancelAgain = clock.after(AGAIN_MS, () => provisional(status))
  }

  function accept(answer: AcceptedCall): Promise<Leg> {
    if (!close(200)) return Promise.reject(new SessionGone())
    const { sdp, focus, identities = {} } = answer
    const contact = sessionContact(invitation.icsi, focus, invite.transport, context.node())
    const headers: SipHeaderLines = {
      Contact: contact,
      Allow: SESSION_ALLOW,
      Supported: 'timer',
      ...grantedTimer(invite.headers, timerSeconds),
      ...identityHeaders(identities),
      'Content-Type': SDP,
    }
    const seconds = Math.max(askedTimer(invite.headers).seconds ?? timerSeconds, MIN_SE_S)
    const leg = new Promise<Leg>((resolve, reject) => {
      giveUp = () => reject(new SessionGone())
      invite.accept(headers, sdp, (dialogId) => {
        if (!dialogId) {
          withdrawn.abort('cancelled')
          return reject(new SessionGone())
        }
        const leg = context.hold(
          {
            dialogId,
            role: 'uas',
            contact,
            focus: focusOf(invite.headers, uris),
            sdp: { local: sdp, remote: invitation.offer },
            timer: { seconds, agreed: true },
          },
          focus,
        )
        // RFC 3261 §13.3.1.4: who does not acknowledge has no session.
        leg.ended.addEventListener('abort', giveUp, { once: true })
        leg.onAcknowledged(() => {
          leg.ended.removeEventListener('abort', giveUp)
          resolve(leg)
        })
      })
    })
    return leg.finally(context.settled)
  }

  return {
    invitation,
    progress(status) {
      if (!open || said.has(status)) return
      said.add(status)
      provisional(status)
    },
    accept,
    reject(answer: SipAnswer) {
      const { forwardTo } = answer
      if (open && forwardTo !== undefined && context.forward(forwardTo, context.closed)) return leave()
      if (!close(answer.status)) return
      invite.answer(answer.status, answer.reason, answerHeaders(answer, uris.domain))
      context.settled()
    },
    withdrawn: withdrawn.signal,
    lost() {
      gone()
      giveUp()
    },
  }
}

/** RFC 3262 §3: only a caller who insists gets his provisional answers reliably. */
const reliably = ({ headers }: IncomingInvite, rest: SipHeaderLines): SipHeaderLines =>
  /(?:^|[,\s])100rel(?:$|[,\s])/i.test(headers.get('require') ?? '') ? { ...rest, Require: '100rel' } : rest
