import type { InterworkingPolicies } from '../config/schema.js'
import type { Preferences } from '../conversation/port.js'
import type { Clock } from '../cpm/clock.js'
import type { Draft } from '../cpm/draft.js'
import { type FailureReason, sipAnswerFor } from '../cpm/failure.js'
import type { Uri } from '../cpm/ids.js'
import type { CpmMessage } from '../cpm/message.js'
import type { CpmRequest, Originator, SipAnswer } from '../sip/port.js'
import { type Note, type Spool, type SpoolItem, SpoolUnavailable } from '../spool/spool.js'
import type { AddressBook } from './address-book.js'
import { conversationNote, partyOf, recallLastService } from './conversation-memory.js'
import type { OriginatorAddresses } from './originator.js'
import type { PendingAnswers } from './pending-answers.js'
import type { Recorder } from './recorder.js'
import { type Route, type SelectionHints, selectServices } from './selection.js'
import type { Services } from './service.js'
import { type Candidate, type OutboundWork, outLane } from './work.js'

export interface AcceptanceOptions {
  readonly spool: Spool
  readonly services: Services
  readonly policies: InterworkingPolicies
  readonly originators: OriginatorAddresses
  readonly pending: PendingAnswers
  readonly book?: AddressBook
  readonly recorder: Recorder
  readonly clock: Clock
}

/** What interworking has to know of a request: a SIP request is one. */
export interface InterworkingRequest extends Pick<CpmRequest, 'function' | 'originator' | 'target' | 'said' | 'icid'> {
  /** At the terminating side: what the recipient wants of services, and all his addresses (`ISF-01`, `ISF-05`, `ISF-06`). */
  readonly recipient?: { readonly services: Preferences['services']; readonly addresses: readonly Uri[] }
}

/** unfit: no service can carry it, and nothing has been done. */
export type Offered =
  | { readonly kind: 'answered'; readonly answer: SipAnswer }
  | { readonly kind: 'unfit'; readonly reason: FailureReason }

export interface Acceptance {
  /** Accepts a message for a service and answers its sender. `target` is where it shall go in the end. */
  accept(request: InterworkingRequest, message: CpmMessage): Promise<SipAnswer>
  /** The same for a message that has another answer already if no service can carry it (`IW-25`, `IW-31`). */
  offer(request: InterworkingRequest, message: CpmMessage): Promise<Offered>
}

/** Services the message may leave by, best first. */
type Candidates = readonly [Candidate, ...Candidate[]]

const STORE_RETRY_S = 5

/**
 * The entrance of interworking: the ISF selects (`ISF-01`), the originator gets his address in each service (`IW-04`), the
 * message is stored, and its sender answered: 202 once it is stored, or after the service's own answer by policy.
 */
export function createAcceptance(options: AcceptanceOptions): Acceptance {
  const { spool, services, policies, originators, pending, book, recorder, clock } = options

  async function candidatesFor(request: InterworkingRequest, message: CpmMessage): Promise<Candidates | FailureReason> {
    const { originator, target } = request
    const known = hints(request, message) ?? (await lastUsed(originator, target))
    let routes = selectServices(services, message, target, known)
    if (typeof routes === 'string') routes = await routesByBook(request, message, known, routes)
    if (typeof routes === 'string') return routes
    let candidates: Candidates | undefined
    for (const route of routes) {
      const address = addressOf(originator, message, route)
      const from = address instanceof Promise ? await address : address
      if (from === undefined) continue
      const candidate = { service: route.service.id, from, to: route.to }
      candidates = candidates ? [...candidates, candidate] : [candidate]
      if (!policies.nextService) break
    }
    return candidates ?? 'no-originator-address'
  }

  /** Where no address we know leads to a service: those in the book (`ISF-06`). */
  async function routesByBook(
    { target, recipient }: InterworkingRequest,
    message: CpmMessage,
    known: SelectionHints,
    why: FailureReason,
  ): Promise<readonly Route[] | FailureReason> {
    if (!book || !recipient || (why !== 'unknown-recipient' && why !== 'address-invalid')) return why
    const further = await book.addressesOf(recipient.addresses[0] ?? target)
    if (further.length === 0) return why
    return selectServices(services, message, target, { ...known, aliases: [...recipient.addresses, ...further] })
  }

  function addressOf(originator: Originator, message: CpmMessage, route: Route) {
    if (message.privacy && policies.privacy === 'refuse') return undefined
    return originators.inService(route, originator, { anonymous: message.privacy, until: message.expiresAt })
  }

  /** What the request and its parties say of services; undefined: the one they used last may decide. */
  function hints(
    { function: called, recipient }: InterworkingRequest,
    { service }: CpmMessage,
  ): SelectionHints | undefined {
    if (called === 'iwf') return service !== undefined && services.has(service) ? { only: service } : {}
    if (called === 'term' || recipient !== undefined) {
      return {
        // At the terminating side the identifier says where the message comes from: it must not go back there.
        ...(service === undefined || called !== 'term' ? {} : { cameFrom: service }),
        ...(recipient?.services === undefined ? {} : { preferred: recipient.services }),
        ...(recipient === undefined ? {} : { aliases: recipient.addresses }),
      }
    }
    const identifier = policies.replyService === 'honour' ? service : undefined
    if (identifier !== undefined) return { identifier }
    return services.size < 2 ? {} : undefined
  }

  async function lastUsed({ addresses }: Originator, target: Uri): Promise<SelectionHints> {
    const service = await recallLastService(spool.notes, addresses, target)
    return service === undefined ? {} : { lastUsed: service }
  }

  /** So that the answer of the correspondent joins this conversation, by whichever service the message leaves. */
  function notesFor(
    { originator }: InterworkingRequest,
    { conversationId, contributionId }: CpmMessage,
    candidates: readonly Candidate[],
    now: number,
  ): Note[] {
    if (conversationId === undefined) return []
    const memory = {
      conversationId,
      at: now,
      ...(contributionId === undefined ? {} : { lastOut: { contributionId, at: now } }),
    }
    return candidates.flatMap(({ service: id, from, to }) => {
      const service = services.get(id)
      if (!service) return []
      const pair = { party: partyOf(service, from, originator.uri), service: id, correspondent: to }
      return [conversationNote(pair, memory, policies.conversationLife)]
    })
  }

  async function offer(request: InterworkingRequest, received: CpmMessage): Promise<Offered> {
    const now = clock.now()
    const message = livingUntil(received, now + policies.maxLife)
    recorder.received(message, request.said)
    // Its life is shorter here than its sender thinks: it would end before it may arrive.
    const { deliverAt, expiresAt } = message
    if (deliverAt !== undefined && deliverAt >= expiresAt) return { kind: 'unfit', reason: 'malformed' }
    try {
      const candidates = await candidatesFor(request, message)
      if (typeof candidates === 'string') return { kind: 'unfit', reason: candidates }
      return { kind: 'answered', answer: await store(request, message, candidates, now) }
    } catch (error) {
      if (!(error instanceof SpoolUnavailable)) throw error
      // What could not be stored is not taken.
      recorder.refused(message, 'service-unavailable')
      const warning = 'the message could not be stored'
      return { kind: 'answered', answer: { status: 503, retryAfterSeconds: STORE_RETRY_S, warning } }
    }
  }

  async function store(
    request: InterworkingRequest,
    message: CpmMessage,
    candidates: Candidates,
    now: number,
  ): Promise<SipAnswer> {
    const item = itemOf(request, message, candidates, now)
    recorder.routed(message, candidates)
    const atOnce = (message.deliverAt ?? now) <= now
    const held =
      policies.answer === 'after-service' && atOnce ? pending.hold(item.id, policies.answerWithin) : undefined
    const notes = notesFor(request, message, candidates, now)
    try {
      const stored = await spool.put(item, { rememberMs: policies.rememberFor, notes })
      if (stored === 'stored') recorder.stored(message, candidates[0].service, clock.now() - now)
      else {
        recorder.repeated(message)
        if (!held?.shared) held?.release()
      }
    } catch (error) {
      held?.release()
      throw error
    }
    const answer = held && (await held.answer)
    return answer?.kind === 'failed' ? answerFor(answer.reason, answer.said) : { status: 202 }
  }

  async function accept(request: InterworkingRequest, message: CpmMessage): Promise<SipAnswer> {
    const outcome = await offer(request, message)
    if (outcome.kind === 'answered') return outcome.answer
    recorder.refused(message, outcome.reason)
    return answerFor(outcome.reason)
  }

  return { offer, accept }
}

function itemOf(
  { originator, icid, recipient, target }: InterworkingRequest,
  message: CpmMessage,
  candidates: Candidates,
  now: number,
): SpoolItem<OutboundWork> {
  const { uri: user, device } = originator
  const payload: Draft<OutboundWork> = {
    message,
    replyTo: device === undefined ? { user } : { user, device },
    candidates,
    index: 0,
  }
  if (icid !== undefined) payload.icid = icid
  return {
    // A message to a group may go to several recipients who are away.
    id: `${user}|${message.messageId}${recipient === undefined ? '' : `|${target}`}`,
    lane: outLane(candidates[0].service),
    attempts: 0,
    acceptedAt: now,
    expiresAt: message.expiresAt,
    payload,
  }
}

const livingUntil = (message: CpmMessage, end: number): CpmMessage =>
  message.expiresAt <= end ? message : { ...message, expiresAt: end }

/** The SIP answer for a failure, with what the service said where it said something. */
export function answerFor(reason: FailureReason, said?: string): SipAnswer {
  const { status, warning, retryAfter } = sipAnswerFor(reason)
  const text = warning ?? said
  return {
    status,
    ...(text === undefined ? {} : { warning: text }),
    ...(retryAfter ? { retryAfterSeconds: STORE_RETRY_S } : {}),
  }
}
