import type { Attempt, OutboundMessage, SendOutcome } from '../../adapters/contract/index.js'
import type { InterworkingPolicies } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import type { MessageId } from '../cpm/ids.js'
import type { DispositionRequest } from '../cpm/message.js'
import type { LaneConsumer, LaneName, Spool, Taken, Verdict } from '../spool/spool.js'
import { type PendingAnswers, withAnswer } from './pending-answers.js'
import type { Recorder } from './recorder.js'
import type { Service, Services } from './service.js'
import { type Decision, decide, failed, mayGoOnAfterReport, type OutboundItem } from './verdict.js'
import { type Candidate, isOutLane, type OutboundWork, outLane } from './work.js'

export interface OutboundOptions {
  readonly spool: Spool
  readonly services: Services
  readonly policies: InterworkingPolicies
  readonly pending: PendingAnswers
  readonly recorder: Recorder
  readonly clock: Clock
}

export interface Outbound {
  /** Begins to take messages of every service, and those left behind for services not configured here when they expire. */
  start(): Promise<void>
  /** An adapter's health has changed. */
  wake(): void
  /** The truth about an attempt that was called uncertain (`GatewayPort.settleLate`). */
  settleLate(service: Service, messageId: MessageId, outcome: SendOutcome): Promise<void>
  stop(deadline: AbortSignal): Promise<void>
}

/** Attempts whose answer may still come on the link they were made on; the oldest is forgotten first. */
const UNCERTAIN_KEPT = 10_000

/** A message whose last attempt was called uncertain, and what became of it once the truth is known. */
interface Doubtful {
  readonly item: OutboundItem
  late?: Decision
}

/**
 * The interworking function towards the services (`IWF-MSG-01`): takes stored messages, offers each to its service, and
 * tells the spool what became of it.
 */
export function createOutbound({ spool, services, policies, pending, recorder, clock }: OutboundOptions): Outbound {
  const giveUp = new AbortController()
  const consumers: LaneConsumer[] = []
  const uncertain = new Map<string, Doubtful>()

  async function attempt(
    service: Service,
    { item, recovered, expired }: Taken<OutboundWork>,
  ): Promise<Verdict<OutboundWork>> {
    const late = uncertain.get(item.id)?.late
    uncertain.delete(item.id)
    if (late) return written(item, late)
    const doubt = recovered || item.payload.uncertain === true
    if (expired) return ended(item, doubt)
    if (doubt && policies.uncertain === 'report-error') {
      return conclude(item, failed(item, 'uncertain', 'the answer of the service was lost', clock.now()))
    }
    const began = clock.now()
    const waitMs = waitFor(service, item, began)
    if (waitMs > 0) {
      recorder.held(item, waitMs)
      return { kind: 'later', delayMs: waitMs, payload: item.payload, why: 'it is to be delivered later' }
    }
    const outcome = await offerTo(service, item, doubt)
    const now = clock.now()
    recorder.answered(service.id, item, outcome, now - began)
    if (outcome.kind === 'uncertain') keepUncertain(item)
    return conclude(item, decide(item, outcome, policies, now, Math.random()))
  }

  /** Time for which a message is kept here because its service cannot, ms. */
  const waitFor = ({ adapter }: Service, { payload }: OutboundItem, now: number): number =>
    adapter.capabilities.laterDelivery ? 0 : (payload.message.deliverAt ?? 0) - now

  const ended = (item: OutboundItem, doubt: boolean): Verdict<OutboundWork> =>
    conclude(item, failed(item, doubt ? 'uncertain' : 'expired', 'its life ended', clock.now()))

  function offerTo(service: Service, item: OutboundItem, doubt: boolean): Promise<SendOutcome> {
    const { messages } = service.adapter
    const message = offer(item, mayGoOnAfterReport(item.payload, policies))
    recorder.attempted(service.id, item, doubt, messages.describe?.(message))
    return messages.send(message, describeAttempt(item, doubt), giveUp.signal)
  }

  const conclude = (item: OutboundItem, decision: Decision): Verdict<OutboundWork> =>
    written(item, withAnswer(pending, item, decision))

  function written(item: OutboundItem, { ending, verdict }: Decision): Verdict<OutboundWork> {
    recorder.concluded(candidateOf(item.payload).service, item, ending)
    return verdict
  }

  function poisoned(item: OutboundItem, reason: string): Verdict<OutboundWork> {
    const { ending, verdict } = failed(item, 'internal', reason, clock.now())
    const puts = verdict.kind === 'done' && verdict.puts ? { puts: verdict.puts } : {}
    return conclude(item, { ending, verdict: { kind: 'failed', reason, ...puts } })
  }

  function keepUncertain(item: OutboundItem): void {
    if (uncertain.size >= UNCERTAIN_KEPT) {
      const [oldest] = uncertain.keys()
      if (oldest !== undefined) uncertain.delete(oldest)
    }
    uncertain.set(item.id, { item })
  }

  return {
    async start() {
      const holdMs = policies.maxLife
      const served = new Set<LaneName>()
      for (const service of services.values()) {
        const lane = outLane(service.id)
        const options = { parallel: () => service.adapter.messages.parallel(), holdMs }
        served.add(lane)
        consumers.push(spool.take<OutboundWork>(lane, options, (taken) => attempt(service, taken), poisoned))
      }
      // Another node may serve it, or this one again: closed lanes hand over only what has expired.
      const closed = { parallel: () => 0, holdMs }
      for (const { lane } of await spool.lanes()) {
        if (!isOutLane(lane) || served.has(lane)) continue
        const end = async ({ item, recovered }: Taken<OutboundWork>) =>
          ended(item, recovered || item.payload.uncertain === true)
        consumers.push(spool.take<OutboundWork>(lane, closed, end, poisoned))
      }
    },
    wake() {
      for (const consumer of consumers) consumer.wake()
    },
    async settleLate(service, messageId, outcome) {
      const doubtful = uncertain.get(messageId)
      if (!doubtful) return
      const { item } = doubtful
      recorder.answered(service.id, item, outcome, 0)
      const decision = withAnswer(pending, item, decide(item, outcome, policies, clock.now(), Math.random()))
      // Not waiting yet, or no longer: the truth is used when the message comes up again.
      doubtful.late = decision
      if (!(await spool.settle(item.lane, item.id, decision.verdict))) return
      uncertain.delete(item.id)
      written(item, decision)
    },
    async stop(deadline) {
      giveUp.abort()
      await Promise.all(consumers.map((consumer) => consumer.stop(deadline)))
    },
  }
}

const candidateOf = ({ candidates, index }: OutboundWork): Candidate => candidates[index] as Candidate

/** The item's id stands for the message towards the adapter: unique here, the same in every attempt. */
function offer({ id, payload }: OutboundItem, failureWanted: boolean): OutboundMessage {
  const { message } = payload
  const candidate = candidateOf(payload)
  return {
    messageId: id as MessageId,
    from: candidate.from,
    to: candidate.to,
    content: message.content,
    expiresAt: message.expiresAt,
    reports: reportsFor(message.dispositions, failureWanted),
    deliverAt: message.deliverAt,
    subject: message.subject,
    sentAt: message.sentAt,
    priority: message.priority,
    contributionId: message.contributionId,
    conversationId: message.conversationId,
  }
}

const reportsFor = (dispositions: readonly DispositionRequest[], failureWanted: boolean) => ({
  delivered: dispositions.includes('positive-delivery'),
  failed: failureWanted || dispositions.includes('negative-delivery'),
  displayed: dispositions.includes('display'),
})

function describeAttempt({ attempts, payload }: OutboundItem, possibleDuplicate: boolean): Attempt {
  return { number: attempts + 1, possibleDuplicate, progress: payload.progress }
}
