import { SpoolUnavailable } from '../spool/spool.js'
import { ACCEPT, ALLOW, answerHeaders, type EdgeAnswer, type Refusal, refusal } from './answer.js'
import { createDialogSender, eventAnswer, isEventMethod, toEventRequest, toThirdPartyRegistration } from './events.js'
import { createGate } from './gate.js'
import { type Identified, type IdentityOptions, identify } from './identity.js'
import { type InboundLimits, targetOf, toCpmRequest } from './inbound.js'
import type { IncomingRequest, OutgoingRequest } from './link.js'
import type { SipEdgeOptions } from './options.js'
import { type OutboundOptions, toRequests } from './outbound.js'
import { outcomeClass, toOutcome } from './outcome.js'
import { ownAddress } from './own-address.js'
import { passOn, passOnward } from './pass-on.js'
import type {
  EventAnswer,
  EventMethod,
  EventRequestHandler,
  OutgoingMessage,
  SipEdge,
  SipOutcome,
  ThirdPartyRegistration,
} from './port.js'
import { answerRegister } from './register.js'
import { createSessions } from './session/sessions.js'
import { createSipStack, type SipExchange } from './stack.js'
import { createTrust } from './trust.js'

/** Methods the server shall hand to us; those that are not ours get a 405 from us and no silence. */
const METHODS = [
  ...['REGISTER', 'MESSAGE', 'OPTIONS', 'SUBSCRIBE', 'NOTIFY', 'PUBLISH', 'INFO', 'REFER'],
  ...['INVITE', 'ACK', 'BYE', 'UPDATE'],
]
/** The sender of a request other than INVITE gives up after 32 s (RFC 3261 §17.1.2.2, timer F). */
const ANSWER_WITHIN_MS = 28_000
const RETRY_AFTER_S = 5

type Answer = EdgeAnswer & Pick<EventAnswer, 'afterwards'>

/** The SIP edge: an application of the SIP server, between it and the functions of the house. */
export function createSipEdge(options: SipEdgeOptions): SipEdge {
  const { config, server, core, onRequest, clock, log, metrics } = options
  const { domain, defaultCountry, sip } = config
  const uris = { domain, ...(defaultCountry !== undefined && { defaultCountry }) }
  const identity: IdentityOptions = { ...uris, isTrusted: createTrust(sip.trust), ...(core && { core }) }
  const limits: InboundLimits = { ...uris, maxMessage: sip.maxMessage, maxLife: config.interworking.policies.maxLife }
  const outbound: OutboundOptions = { domain, ...(sip.core !== 'embedded' && { core: sip.core }) }
  const gate = createGate(sip.outboundParallel)
  const eventHandlers = new Map<EventMethod, EventRequestHandler>()
  let onThirdParty: ((registration: ThirdPartyRegistration) => Promise<void>) | undefined
  const allow = (): string => [ALLOW, ...new Set([...eventHandlers.keys(), ...sessions.methods()])].join(', ')
  const stack = createSipStack({
    server,
    methods: METHODS,
    smallFrames: sip.server !== 'embedded',
    keepsSubscriptions: sip.server === 'embedded',
    onRequest(request) {
      if (!sessions.take(request)) receive(request)
    },
    onInvite: (invite) => sessions.receiveInvite(invite),
    onUp: () => metrics.link('up'),
    onLost(why) {
      log.warn({ why }, 'link to the SIP server lost')
      metrics.link('down')
      sessions.lost()
    },
    clock,
    log,
  })
  const address = (): string | undefined =>
    options.isOneOfMany ? ownAddress(stack.listening(), sip.advertise) : undefined
  const sendInDialog = createDialogSender(exchange, sip.server !== 'embedded')
  const sessions = createSessions({
    stack,
    identity,
    limits,
    outbound,
    timerSeconds: Math.round(config.sessions.refresh / 1000),
    sendInDialog,
    // The embedded server tells where a dialog is by Record-Route.
    node: () => (sip.server === 'embedded' ? undefined : address()),
    clock,
    log,
    metrics,
  })

  /** Every request gets one answer, in time, whatever happens on the way. */
  function receive(request: IncomingRequest): void {
    const at = clock.now()
    // Whatever waits for the answer keeps no more of the request in memory.
    const { method, answer: reply } = request
    let answered = false
    const answer = (given: Answer): void => {
      if (answered) return
      answered = true
      cancelTimeout()
      const counted = (status: number): void => metrics.requestIn(method, status, clock.now() - at)
      const { forwardTo, onward, asked } = given
      if (forwardTo && asked && passOn(asked.request, forwardTo, asked.speaker, domain, counted)) return
      if (onward && asked && passOnward(asked.request, asked.speaker.byCore, counted)) return
      reply(given.status, given.reason, answerHeaders(given, domain))
      counted(given.status)
      given.afterwards?.()
    }
    const cancelTimeout = clock.after(ANSWER_WITHIN_MS, () => answer({ status: 504, warning: 'no outcome in time' }))
    handle(request)
      .then((outcome) => answer('kind' in outcome ? refuse(outcome) : outcome))
      .catch((error: unknown) => answer(failed(error)))
  }

  async function handle(request: IncomingRequest): Promise<Answer | Refusal> {
    switch (request.method) {
      case 'MESSAGE':
        return message(request)
      case 'REGISTER':
        return core ? answerRegister(request, core) : thirdPartyRegister(request)
      case 'OPTIONS':
        return { status: 200, headers: { Allow: allow(), Accept: ACCEPT } }
      case 'REFER':
        return sessions.refer(request) ?? event(request)
      default:
        return event(request)
    }
  }

  async function event(request: IncomingRequest): Promise<Answer | Refusal> {
    const method = isEventMethod(request.method) ? request.method : undefined
    const handler = method && eventHandlers.get(method)
    if (method === undefined || !handler) return { status: 405, headers: { Allow: allow() } }
    const received = await toEventRequest(request, method, identity, limits)
    if ('kind' in received) return received
    const { originator, byCore } = received
    const answer = eventAnswer(received, await handler(received))
    return { ...answer, ...(originator && { asked: { request, speaker: { from: originator.uri, byCore } } }) }
  }

  function message(request: IncomingRequest): Promise<EdgeAnswer | Refusal> | Refusal {
    const target = targetOf(request, limits)
    if (typeof target !== 'string') return target
    const take = (identified: Identified | Refusal) => {
      if (identified.kind === 'refused') return identified
      const received = toCpmRequest(request, target, identified, limits, clock.now())
      return 'kind' in received ? received : onRequest(received)
    }
    const found = identify(request, identity)
    return found instanceof Promise ? found.then<EdgeAnswer | Refusal>(take) : take(found)
  }

  /** `REG-16`: the core tells that a user registered; no binding of our own comes of it. */
  async function thirdPartyRegister(request: IncomingRequest): Promise<EdgeAnswer | Refusal> {
    if (!identity.isTrusted(request.sourceHost)) return refusal(403, 'untrusted', 'the sender is not a trusted peer')
    const registration = toThirdPartyRegistration(request, uris)
    if ('kind' in registration) return registration
    await onThirdParty?.(registration)
    return { status: 200 }
  }

  function refuse({ answer, why }: Refusal): EdgeAnswer {
    if (why) metrics.badInput(why)
    return answer
  }

  function failed(error: unknown): EdgeAnswer {
    if (error instanceof SpoolUnavailable) return { status: 503, retryAfterSeconds: RETRY_AFTER_S }
    log.error({ err: error }, 'request failed')
    return { status: 500 }
  }

  async function exchange(request: OutgoingRequest): Promise<SipExchange> {
    const at = clock.now()
    const turn = gate.enter()
    if (turn) await turn
    try {
      const exchanged = await stack.request(request, sip.requestTimeout)
      metrics.requestOut(request.method, outcomeClass(exchanged), clock.now() - at)
      return exchanged
    } finally {
      gate.leave()
    }
  }

  async function send(outgoing: OutgoingMessage): Promise<SipOutcome> {
    let outcome: SipOutcome = { kind: 'unsent', said: 'nothing to send' }
    for (const request of toRequests(outgoing, outbound, clock.now())) {
      outcome = toOutcome(await exchange(request))
      if (outcome.kind !== 'answered' || outcome.status >= 300) return outcome
    }
    return outcome
  }

  return {
    start: () => stack.start(),
    async stop() {
      await sessions.stop()
      stack.stop()
    },
    send,
    sessions,
    sendInDialog,
    onEvent(method, handler) {
      eventHandlers.set(method, handler)
    },
    onThirdPartyRegister(handler) {
      onThirdParty = handler
    },
    listening: () => stack.listening(),
    address,
    healthy: () => stack.healthy(),
  }
}
