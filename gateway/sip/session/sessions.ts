import type { Logger } from 'pino'
import { parseNameAddrs } from '../../core/name-addr.js'
import type { Clock } from '../../cpm/clock.js'
import type { Uri } from '../../cpm/ids.js'
import { SpoolUnavailable } from '../../spool/spool.js'
import { answerHeaders, type EdgeAnswer, type Refusal } from '../answer.js'
import { dialogOf } from '../dialog.js'
import { type IdentityOptions, identify } from '../identity.js'
import { type InboundLimits, inadmissible, normalTarget } from '../inbound.js'
import { IN_DIALOG, type IncomingInvite, type IncomingRequest } from '../link.js'
import type { SipMetrics } from '../options.js'
import type { OutboundOptions } from '../outbound.js'
import { outcomeClass } from '../outcome.js'
import { passOn } from '../pass-on.js'
import type { EventPort, Originator, SipAnswer } from '../port.js'
import type { IncomingCall, Invitation, ReferRequest, SessionPort } from '../session-port.js'
import { type SipStack, toExchange } from '../stack.js'
import { createIncomingCall, type HeldCall } from './incoming-call.js'
import { toInvitation } from './invitation.js'
import { createLeg, type HeldLeg, type LegOptions } from './leg.js'
import { sendCall } from './outgoing-call.js'
import { readReferTo } from './refer.js'

export interface SessionsOptions {
  readonly stack: Pick<SipStack, 'request' | 'invite'>
  readonly identity: IdentityOptions
  readonly limits: InboundLimits
  readonly outbound: OutboundOptions
  /** Session-Expires of ours, seconds. */
  readonly timerSeconds: number
  readonly sendInDialog: EventPort['sendInDialog']
  /** SIP URI of this node among others. */
  readonly node: () => string | undefined
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: SipMetrics
}

/** What the edge uses of the sessions. */
export interface Sessions extends SessionPort {
  receiveInvite(invite: IncomingInvite): void
  /** A request that is not INVITE; false when it belongs to no session. */
  take(request: IncomingRequest): boolean
  /** The answer to a REFER outside a dialog; undefined when nobody takes it. */
  refer(request: IncomingRequest): Promise<(EdgeAnswer & { readonly afterwards?: () => void }) | Refusal> | undefined
  /** Methods that somebody here takes. */
  methods(): readonly string[]
  /** The way to all peers is lost, with all dialogs. */
  lost(): void
  /** Ends all legs and refuses what waits; resolves when peers have been told, or cannot be. */
  stop(): Promise<void>
}

/** Extensions an INVITE and a REFER may require. */
const INVITE_EXTENSIONS = ['100rel', 'timer', 'recipient-list-invite']
const REFER_EXTENSIONS = ['multiple-refer', 'norefersub']
const STOP_MS = 2_000

/** Requests that make no sense without the session they are for. */
const OF_SESSIONS = new Set(['BYE', 'UPDATE', 'ACK'])

/** Sessions at the edge: INVITEs in and out, and the legs they make. */
export function createSessions(options: SessionsOptions): Sessions {
  const { stack, identity, limits, outbound, timerSeconds, clock, log, metrics } = options
  const legs = new Map<string, HeldLeg>()
  const waiting = new Set<HeldCall>()
  const calling = new Set<AbortController>()
  let onInvite: ((call: IncomingCall) => Promise<void>) | undefined
  let onRefer: ((refer: ReferRequest) => Promise<SipAnswer>) | undefined
  let stopped = false
  const fault = (error: unknown): void => log.error({ err: error }, 'session failed')

  type Begun = Pick<LegOptions, 'dialogId' | 'role' | 'contact' | 'focus' | 'sdp' | 'timer'>

  /** `peer`: who speaks in it; `own`: what the peer calls. */
  function hold(begun: Begun, peer: Originator, own: Uri): HeldLeg {
    const leg = createLeg({
      ...begun,
      stack,
      clock,
      domain: limits.domain,
      fault,
      readRefer: async (request) => referWithin(request, begun.dialogId, peer, own),
      forget: () => void (legs.get(begun.dialogId) === leg && legs.delete(begun.dialogId)),
    })
    legs.set(begun.dialogId, leg)
    return leg
  }

  function receiveInvite(invite: IncomingInvite): void {
    const leg = invite.dialogId === undefined ? undefined : legs.get(invite.dialogId)
    if (leg) leg.receiveInvite(invite)
    else receiveNew(invite)
  }

  function receiveNew(invite: IncomingInvite): void {
    const at = clock.now()
    const refuse = (given: SipAnswer | Refusal): void => {
      const answer: EdgeAnswer = 'kind' in given ? given.answer : given
      if ('kind' in given && given.why) metrics.badInput(given.why)
      invite.answer(answer.status, answer.reason, answerHeaders(answer, limits.domain))
      metrics.requestIn('INVITE', answer.status, clock.now() - at)
    }
    begin(invite, at, refuse).catch((error: unknown) => {
      fault(error)
      refuse({ status: 500 })
    })
  }

  async function begin(invite: IncomingInvite, at: number, refuse: (given: SipAnswer | Refusal) => void) {
    if (stopped) return refuse({ status: 503 })
    if (!onInvite) return refuse({ status: 405 })
    if (/;\s*tag=/i.test(invite.headers.get('to') ?? '')) return refuse({ status: 481 })
    const target = inadmissible(invite, limits, INVITE_EXTENSIONS) ?? normalTarget(invite.uri, limits)
    if (typeof target !== 'string') return refuse(target)
    const identified = await identify(invite, identity)
    if (identified.kind === 'refused') return refuse(identified)
    const invitation = toInvitation(invite, target, identified, limits, at)
    if ('kind' in invitation) return refuse(invitation)
    let held: HeldCall | undefined
    const call = createIncomingCall(invite, invitation, {
      uris: limits,
      timerSeconds,
      clock,
      node: options.node,
      forward: (node, done) => passOn(invite, node, { ...identified, ...service(invitation) }, limits.domain, done),
      hold: (begun, own) => hold(begun, invitation.originator, own ?? target),
      closed: (status) => metrics.requestIn('INVITE', status, clock.now() - at),
      settled: () => held && waiting.delete(held),
    })
    // Withdrawn while we asked who he is.
    if (call.withdrawn.aborted) return
    held = call
    waiting.add(call)
    onInvite(call).catch((error: unknown) => {
      if (error instanceof SpoolUnavailable) return call.reject({ status: 503, retryAfterSeconds: 5 })
      fault(error)
      call.reject({ status: 500 })
    })
  }

  function take(request: IncomingRequest): boolean {
    const leg = request.dialogId === undefined ? undefined : legs.get(request.dialogId)
    if (leg && !isOfSubscription(request)) leg.receive(request)
    else if (!OF_SESSIONS.has(request.method)) return false
    // An UPDATE before the final answer (RFC 3311 §5.2).
    else if (request.method === 'UPDATE') request.answer(500, undefined, { 'Retry-After': '5' })
    else if (request.method === 'BYE') request.answer(481)
    return true
  }

  function referWithin(
    request: IncomingRequest,
    dialogId: string,
    originator: Originator,
    target: Uri,
  ): ReferRequest | SipAnswer {
    const read = inadmissible(request, limits, REFER_EXTENSIONS) ?? readReferTo(request, limits)
    if ('kind' in read) return withoutLines(read)
    const sequence = /^\s*(\d+)/.exec(request.headers.get('cseq') ?? '')?.[1] ?? '0'
    return {
      ...read,
      originator,
      target,
      async notify({ status, reason }) {
        if (!read.wantsOutcome) return
        const { headers, body } = sipfrag(status, reason, sequence)
        await stack.request({ method: 'NOTIFY', uri: IN_DIALOG, dialogId, headers, body }, NOTIFY_MS)
      },
    }
  }

  function refer(request: IncomingRequest): ReturnType<Sessions['refer']> {
    const handler = onRefer
    return handler && referOutside(request, handler)
  }

  async function referOutside(request: IncomingRequest, handler: NonNullable<typeof onRefer>) {
    const target = inadmissible(request, limits, REFER_EXTENSIONS) ?? normalTarget(request.uri, limits)
    if (typeof target !== 'string') return target
    const identified = await identify(request, identity)
    if (identified.kind === 'refused') return identified
    const read = readReferTo(request, limits)
    if ('kind' in read) return read
    const found = dialogOf(request, identified.byCore)
    if (!found) return { status: 400 }
    let answered = (): void => undefined
    const afterwards = new Promise<void>((resolve) => {
      answered = resolve
    })
    const { originator } = identified
    const answer = await handler({
      ...read,
      originator,
      target,
      async notify({ status, reason }) {
        if (!read.wantsOutcome) return
        await afterwards
        const dialog = { ...found.dialog, localSequence: found.dialog.localSequence + 1 }
        await options.sendInDialog({ method: 'NOTIFY', dialog, ...sipfrag(status, reason, String(found.sequence)) })
      },
    })
    const to = (parseNameAddrs(request.headers.get('to') ?? '') ?? [])[0]?.uri ?? found.dialog.local
    const headers = { ...answer.headers, To: `<${to}>;tag=${found.dialog.localTag}` }
    return {
      ...answer,
      asked: { request, speaker: { from: identified.from, byCore: identified.byCore } },
      headers: { ...headers, ...(!read.wantsOutcome && { 'Refer-Sub': 'false' }) },
      afterwards: answered,
    }
  }

  return {
    onInvite(handler) {
      onInvite = handler
    },
    onRefer(handler) {
      onRefer = handler
    },
    async invite(call, onProgress, withdrawn) {
      if (stopped) return { kind: 'unanswered', said: 'the node is being stopped' }
      const stopping = new AbortController()
      calling.add(stopping)
      try {
        return await sendCall(call, onProgress, AbortSignal.any([withdrawn, stopping.signal]), {
          stack,
          outbound: { ...limits, ...outbound },
          timerSeconds,
          clock,
          node: options.node,
          hold: (begun) => {
            const { user } = call.destination
            return hold(begun, { uri: user, addresses: [user] }, call.focus ?? call.from)
          },
          sent: (outcome, ms) => metrics.requestOut('INVITE', outcomeClass(toExchange(outcome)), ms),
        })
      } finally {
        calling.delete(stopping)
      }
    },
    legs: () => legs.size,
    receiveInvite,
    take,
    refer,
    methods: () => [...(onInvite ? ['INVITE', 'ACK', 'CANCEL', 'BYE', 'UPDATE'] : []), ...(onRefer ? ['REFER'] : [])],
    lost() {
      for (const leg of [...legs.values()]) leg.lost()
      for (const call of [...waiting]) call.lost()
    },
    async stop() {
      stopped = true
      for (const controller of calling) controller.abort()
      for (const call of [...waiting]) call.reject({ status: 503, retryAfterSeconds: 5 })
      const ends = [...legs.values()].map((leg) => leg.end({ status: 503, text: 'the node is being stopped' }))
      await new Promise<void>((resolve) => {
        const cancel = clock.after(STOP_MS, resolve)
        void Promise.allSettled(ends).then(() => {
          cancel()
          resolve()
        })
      })
      for (const call of [...waiting]) call.lost()
    },
  }
}

const service = ({ icsi }: Invitation): { readonly icsi?: string } => (icsi === undefined ? {} : { icsi })

/** What a REFER within a session came to is the session's (RFC 3515 §2.4.4). */
function isOfSubscription({ method, headers }: IncomingRequest): boolean {
  return method === 'SUBSCRIBE' || (method === 'NOTIFY' && !/^\s*refer\b/i.test(headers.get('event') ?? ''))
}

const NOTIFY_MS = 35_000

/** RFC 3515 §2.4.5: one NOTIFY says all. */
function sipfrag(status: number, reason: string, sequence: string) {
  return {
    headers: {
      Event: `refer;id=${sequence}`,
      'Subscription-State': 'terminated;reason=noresource',
      'Content-Type': 'message/sipfrag;version=2.0',
    },
    body: `SIP/2.0 ${status} ${reason}\r\n`,
  }
}

/** A refusal of the edge as a leg gives it. */
function withoutLines({ answer: { status, reason, warning } }: Refusal): SipAnswer {
  return { status, ...(reason !== undefined && { reason }), ...(warning !== undefined && { warning }) }
}
