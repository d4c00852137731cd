import type { Clock } from '../../cpm/clock.js'
import { answerHeaders } from '../answer.js'
import type { SipHeaderLines } from '../headers.js'
import { IN_DIALOG, type IncomingInvite, type IncomingRequest, type LinkOutcome } from '../link.js'
import type { SipAnswer } from '../port.js'
import type { Farewell, Leg, ReferRequest, SipAnswerRefused } from '../session-port.js'
import type { SipStack } from '../stack.js'
import { grantedTimer, SDP, SESSION_ALLOW, wantedTimer } from './call-headers.js'
import { createPassage } from './passage.js'

export interface LegOptions {
  readonly dialogId: string
  /** uac: our INVITE began it, so that the Call-ID is ours. */
  readonly role: 'uac' | 'uas'
  readonly stack: Pick<SipStack, 'request' | 'invite'>
  readonly clock: Clock
  /** Our Contact in it. */
  readonly contact: string
  readonly focus: Leg['focus']
  /** What either side has said of its media last. */
  readonly sdp: { readonly local: string; readonly remote: string }
  readonly timer: { readonly seconds: number; readonly agreed: boolean }
  /** The warn-agent. */
  readonly domain: string
  readonly readRefer: (request: IncomingRequest) => Promise<ReferRequest | SipAnswer>
  readonly fault: (error: unknown) => void
  /** It has ended. */
  readonly forget: () => void
}

/** A leg as the edge holds it. */
export interface HeldLeg extends Leg {
  /** A request of the peer within the dialog, ACK included. */
  receive(request: IncomingRequest): void
  /** An INVITE of the peer within the dialog. */
  receiveInvite(invite: IncomingInvite): void
  /** The dialog is gone, and nobody needs to be told. */
  lost(): void
  /** Calls once when the ACK of our 2xx has come. */
  onAcknowledged(listener: () => void): void
}

const REQUEST_MS = 35_000
/** The peer's user may be asked whether he wants the change; the SIP server gives up after 185 s (timer C). */
const MODIFY_MS = 190_000
/** A change that meets one of the peer's each time is given up. */
const MAX_ATTEMPTS = 5
const LISTEN_MS = 1_000

/** One dialog of a session (RFC 3261 §12 to §15), kept by the SIP server under its id. */
export function createLeg(options: LegOptions): HeldLeg {
  const { dialogId, role, stack, clock, contact, focus, timer, domain, fault, forget } = options
  const ended = new AbortController()
  let { local, remote } = options.sdp
  let acknowledged = (): void => undefined
  let tellListening = (): void => undefined
  const isListening = new Promise<void>((resolve) => {
    tellListening = resolve
  })
  let isAcknowledged = false
  let offering = false
  let answering = false
  let onModify: Parameters<Leg['onModify']>[0] | undefined
  let onRefer: Parameters<Leg['onRefer']>[0] | undefined
  let farewell: Farewell | undefined
  const passage = createPassage((request) =>
    ended.signal.aborted
      ? Promise.resolve({ kind: 'unsent', said: 'the leg has ended' })
      : stack.request({ ...request, uri: IN_DIALOG, dialogId }, REQUEST_MS),
  )
  let cancelCheck = watchPeer()

  function over(why?: 'lost'): boolean {
    if (ended.signal.aborted) return false
    cancelCheck()
    forget()
    ended.abort(why)
    return true
  }

  /** Where no session timer was agreed, the peer is asked whether he still is there. */
  function watchPeer(): () => void {
    if (timer.agreed) return () => undefined
    return clock.after((timer.seconds * 1000) / 2, () => {
      const probe = { method: 'OPTIONS', uri: IN_DIALOG, dialogId, headers: {} }
      stack.request(probe, REQUEST_MS).then((exchange) => {
        if (ended.signal.aborted) return
        const gone = exchange.kind !== 'answered' || exchange.status === 481 || exchange.status === 408
        if (gone) void end()
        else cancelCheck = watchPeer()
      }, fault)
    })
  }

  async function end(reason?: Farewell): Promise<void> {
    if (ended.signal.aborted) return
    farewell = reason
    over()
    const headers: SipHeaderLines = reason
      ? { Reason: `SIP;cause=${reason.status};text="${reason.text.replace(/["\\]/g, '')}"` }
      : {}
    await stack.request({ method: 'BYE', uri: IN_DIALOG, dialogId, headers }, REQUEST_MS)
  }

  async function modify(offer: string): ReturnType<Leg['modify']> {
    if (ended.signal.aborted) return GONE
    if (offering || answering) return refused(491, 'Request Pending')
    for (let attempt = 1; ; attempt++) {
      offering = true
      const outcome = await sendOffer(offer)
      offering = false
      if (outcome.kind === 'refused' || outcome.kind === 'lost') {
        void end()
        return GONE
      }
      const { status, reason, body } = outcome
      if (status < 300) {
        local = offer
        remote = body
        return { kind: 'answered', sdp: body }
      }
      // RFC 3261 §12.2.1.2: silence, or a peer that knows no such dialog.
      if (status === 408 || status === 481) void end()
      if (status !== 491 || attempt === MAX_ATTEMPTS || ended.signal.aborted) return refused(status, reason)
      await new Promise<void>((resolve) => clock.after(glareWaitMs(role), resolve))
      if (ended.signal.aborted) return GONE
    }
  }

  function sendOffer(offer: string): Promise<LinkOutcome> {
    const headers = { Contact: contact, ...wantedTimer(timer.seconds), Allow: SESSION_ALLOW, 'Content-Type': SDP }
    return new Promise((resolve) => {
      const request = { method: 'INVITE', uri: IN_DIALOG, dialogId, headers, body: offer }
      stack.invite(request, MODIFY_MS, { provisional: () => undefined, final: resolve })
    })
  }

  /** Takes an offer of the peer: what to answer. A refresh is not spread (`MED-25`). */
  async function offered(offer: string): Promise<{ readonly sdp: string } | SipAnswer> {
    if (offer === '' || offer === remote) return { sdp: local }
    answering = true
    try {
      if (!onModify) await listened()
      if (!onModify) return { status: 488 }
      const answer = await onModify(offer)
      if ('sdp' in answer) {
        remote = offer
        local = answer.sdp
      }
      return answer
    } finally {
      answering = false
    }
  }

  /** Who has just got the leg may be no further than the peer: he has a moment to say that he listens. */
  function listened(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = clock.after(LISTEN_MS, resolve)
      void isListening.then(() => {
        cancel()
        resolve()
      })
    })
  }

  const busy = (): SipAnswer | undefined =>
    offering ? { status: 491 } : answering ? { status: 500, retryAfterSeconds: RETRY_S } : undefined

  function respond(request: IncomingRequest, given: { readonly sdp: string } | SipAnswer): void {
    if ('sdp' in given) {
      const headers = { ...accepting(request), ...(given.sdp !== '' && { 'Content-Type': SDP }) }
      request.answer(200, undefined, headers, given.sdp)
    } else request.answer(given.status, given.reason, answerHeaders(given, domain))
  }

  const accepting = (request: IncomingRequest): SipHeaderLines => ({
    Contact: contact,
    Allow: SESSION_ALLOW,
    Supported: 'timer',
    ...grantedTimer(request.headers, timer.seconds),
  })

  /** Answers with what comes of it, and 500 when that fails. */
  function answerWith(request: IncomingRequest, outcome: Promise<{ readonly sdp: string } | SipAnswer>): void {
    outcome.then(
      (given) => respond(request, given),
      (error: unknown) => {
        fault(error)
        respond(request, { status: 500 })
      },
    )
  }

  async function asked(request: IncomingRequest): Promise<SipAnswer> {
    if (!onModify) await listened()
    if (passage.isOpen()) return passage.receive(request)
    if (request.method === 'NOTIFY') return { status: 481 }
    if (request.method !== 'REFER' || !onRefer) return { status: 405, headers: { Allow: SESSION_ALLOW } }
    const read = await options.readRefer(request)
    return 'status' in read ? read : onRefer(read)
  }

  function receive(request: IncomingRequest): void {
    switch (request.method) {
      case 'ACK':
        if (isAcknowledged) return
        isAcknowledged = true
        acknowledged()
        return
      case 'BYE':
        request.answer(200)
        farewell = farewellIn(request.headers.get('reason'))
        over()
        return
      case 'UPDATE': {
        const why = request.body === '' ? { sdp: '' } : busy()
        if (why) respond(request, why)
        else answerWith(request, offered(request.body))
        return
      }
      case 'REFER':
      case 'NOTIFY':
      case 'INFO':
        answerWith(request, asked(request))
        return
      default:
        request.answer(request.method === 'OPTIONS' ? 200 : 405, undefined, { Allow: SESSION_ALLOW })
    }
  }

  return {
    ...(focus !== undefined && { focus }),
    modify,
    onModify(listener) {
      onModify = listener
      tellListening()
    },
    onRefer(listener) {
      onRefer = listener
    },
    passTo: passage.to,
    carry: passage.carry,
    end,
    ended: ended.signal,
    farewell: () => farewell,
    receive,
    receiveInvite(invite) {
      const why = busy()
      if (why) respond(invite, why)
      else answerWith(invite, offered(invite.body))
    },
    lost() {
      over('lost')
    },
    onAcknowledged(listener) {
      acknowledged = listener
      if (isAcknowledged) listener()
    },
  }
}

const RETRY_S = 5

function farewellIn(reason = ''): Farewell | undefined {
  const [, status] = /^\s*SIP\s*;.*?\bcause\s*=\s*([1-6]\d\d)\b/i.exec(reason) ?? []
  const [, text = ''] = /;\s*text\s*=\s*"([^"\\]{0,200})"/i.exec(reason) ?? []
  return status === undefined ? undefined : { status: Number(status), text }
}

/** How long to wait after 491: who made the Call-ID the longer (RFC 3261 §14.1). */
const glareWaitMs = (role: LegOptions['role']): number =>
  role === 'uac' ? 2_100 + Math.random() * 1_900 : Math.random() * 2_000

const refused = (status: number, reason: string): SipAnswerRefused => ({ kind: 'refused', status, reason })
const GONE = refused(481, 'Call/Transaction Does Not Exist')
