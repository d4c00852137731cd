import type { InterworkingPolicies } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import { type FailureReason, sipAnswerFor } from '../cpm/failure.js'
import type { ServiceId } from '../cpm/ids.js'
import type { CpmMessage } from '../cpm/message.js'
import type { CpmRequest, Originator, SipAnswer } from '../sip/port.js'
import { type Note, type Spool, SpoolUnavailable } from '../spool/spool.js'
import { conversationNote, partyOf, recallLastService } from './conversation-memory.js'
import type { OriginatorAddresses } from './originator.js'
import type { PendingAnswers } from './pending-answers.js'
import type { Recorder } from './recorder.js'
import { selectServices } from './selection.js'
import type { Services } from './service.js'
import { type Candidate, type OutboundWork, outLane } from './work.js'

export interface AcceptanceOptions {
  readonly spool: Spool
  readonly services: Services
  readonly policies: InterworkingPolicies
  readonly originators: OriginatorAddresses
  readonly pending: PendingAnswers
  readonly recorder: Recorder
  readonly clock: Clock
}

export interface Acceptance {
  /** Accepts a message for a service and answers its sender. `target` is where it shall go in the end. */
  accept(request: CpmRequest, message: CpmMessage): Promise<SipAnswer>
}

const STORE_RETRY_S = 5

/**
 * The entrance of interworking: the ISF selects (`ISF-01`), the originator gets his address in each service (`IW-04`), the
 * message is stored, and its sender answered: 202 once it is stored, or after the service's own answer by policy.
 */
export function createAcceptance(options: AcceptanceOptions): Acceptance {
  const { spool, services, policies, originators, pending, recorder, clock } = options

  async function candidatesFor(
    request: CpmRequest,
    message: CpmMessage,
  ): Promise<readonly Candidate[] | FailureReason> {
    const routes = selectServices(services, message, request.target, await hints(request, message))
    if (typeof routes === 'string') return routes
    const candidates: Candidate[] = []
    for (const route of routes) {
      const from = await addressOf(request.originator, message, route)
      if (from !== undefined) candidates.push({ service: route.service.id, from, to: route.to })
      if (candidates.length > 0 && !policies.nextService) break
    }
    return candidates.length > 0 ? candidates : 'no-originator-address'
  }

  function addressOf(
    originator: Originator,
    message: CpmMessage,
    route: Parameters<OriginatorAddresses['inService']>[0],
  ) {
    if (message.privacy && policies.privacy === 'refuse') return undefined
    return originators.inService(route, originator, { anonymous: message.privacy, until: message.expiresAt })
  }

  async function hints({ function: called, originator, target }: CpmRequest, message: CpmMessage) {
    // At the terminating side the identifier says where the message comes from: it must not go back there.
    if (called === 'term' && message.service !== undefined) return { cameFrom: message.service }
    const identifier: ServiceId | undefined = policies.replyService === 'honour' ? message.service : undefined
    if (identifier !== undefined) return { identifier }
    if (services.size < 2) return {}
    const lastUsed = await recallLastService(spool.notes, originator.addresses, target)
    return lastUsed === undefined ? {} : { lastUsed }
  }

  /** So that the answer of the correspondent joins this conversation, by whichever service the message leaves. */
  function notesFor(
    { originator }: CpmRequest,
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

  async function accept(request: CpmRequest, received: CpmMessage): Promise<SipAnswer> {
    const now = clock.now()
    const message = { ...received, expiresAt: Math.min(received.expiresAt, now + policies.maxLife) }
    recorder.received(message, request.said)
    const candidates = await candidatesFor(request, message)
    if (typeof candidates === 'string') return refuse(message, candidates)
    const [first] = candidates
    if (!first) return refuse(message, 'internal')
    const { originator } = request
    const payload: OutboundWork = {
      message,
      replyTo: { user: originator.uri, ...(originator.device === undefined ? {} : { device: originator.device }) },
      candidates,
      index: 0,
    }
    const item = {
      id: `${originator.uri}|${message.messageId}`,
      lane: outLane(first.service),
      attempts: 0,
      acceptedAt: now,
      expiresAt: message.expiresAt,
      payload,
    }
    recorder.routed(message, candidates)
    const held = policies.answer === 'after-service' ? pending.hold(item.id, policies.answerWithin) : undefined
    const notes = notesFor(request, message, candidates, now)
    const stored = await spool.put(item, { rememberMs: policies.rememberFor, notes }).catch((error: unknown) => {
      held?.release()
      throw error
    })
    if (stored === 'stored') recorder.stored(message, first.service, clock.now() - now)
    else {
      recorder.repeated(message)
      if (!held?.shared) held?.release()
    }
    const answer = await held?.answer
    return answer?.kind === 'failed' ? answerFor(answer.reason, answer.said) : { status: 202 }
  }

  function refuse(message: CpmMessage, reason: FailureReason): SipAnswer {
    recorder.refused(message, reason)
    return answerFor(reason)
  }

  return {
    async accept(request, message) {
      try {
        return await accept(request, message)
      } catch (error) {
        if (!(error instanceof SpoolUnavailable)) throw error
        recorder.refused(message, 'service-unavailable')
        return { status: 503, retryAfterSeconds: STORE_RETRY_S, warning: 'the message could not be stored' }
      }
    },
  }
}

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
