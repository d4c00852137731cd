import type { Attempt, OutboundMessage, SendOutcome } from '../../adapters/contract/index.js'
import type { InterworkingPolicies } from '../config/schema.js'
import type { Clock } from '../cpm/clock.js'
import type { MessageId } from '../cpm/ids.js'
import type { DispositionRequest } from '../cpm/message.js'
import type { LaneConsumer, Spool, Taken, Verdict } from '../spool/spool.js'
import type { PendingAnswers } from './pending-answers.js'
import type { Recorder } from './recorder.js'
import type { Service, Services } from './service.js'
import { type Decision, decide, failed, type OutboundItem } from './verdict.js'
import { type Candidate, type OutboundWork, outLane } from './work.js'

export interface OutboundOptions {
  readonly spool: Spool
  readonly services: Services
  readonly policies: InterworkingPolicies
  readonly pending: PendingAnswers
  readonly recorder: Recorder
  readonly clock: Clock
}

export interface Outbound {
  /** Begins to take messages of every service. */
  start(): void
  /** An adapter's health has changed. */
  wake(): void
  /** The truth about an attempt that was called uncertain (`GatewayPort.settleLate`). */
  settleLate(service: Service, messageId: MessageId, outcome: SendOutcome): Promise<void>
  stop(deadline: AbortSignal): Promise<void>
}

/** Attempts whose answer may still come on the link they were made on; the oldest is forgotten first. */
const UNCERTAIN_KEPT = 10_000

/**
 * The interworking function towards the services (`IWF-MSG-01`): takes stored messages, offers each to its service, and
 * tells the spool what became of it.
 */
export function createOutbound({ spool, services, policies, pending, recorder, clock }: OutboundOptions): Outbound {
  const giveUp = new AbortController()
  const consumers: LaneConsumer[] = []
  const uncertain = new Map<string, { readonly item: OutboundItem; late?: SendOutcome }>()

  async function attempt(
    service: Service,
    { item, recovered, expired }: Taken<OutboundWork>,
  ): Promise<Verdict<OutboundWork>> {
    const late = uncertain.get(item.id)?.late
    uncertain.delete(item.id)
    if (late) return conclude(service, item, decide(item, late, policies, clock.now(), Math.random()))
    const doubt = recovered || item.payload.uncertain === true
    if (expired)
      return conclude(service, item, failed(item, doubt ? 'uncertain' : 'expired', 'its life ended', clock.now()))
    if (doubt && policies.uncertain === 'report-error') {
      return conclude(service, item, failed(item, 'uncertain', 'the answer of the service was lost', clock.now()))
    }
    const began = clock.now()
    const { messages } = service.adapter
    const message = offer(item)
    recorder.attempted(service.id, item, doubt, messages.describe?.(message))
    const outcome = await messages.send(message, describeAttempt(item, doubt), giveUp.signal)
    recorder.answered(service.id, item, outcome, clock.now() - began)
    if (outcome.kind === 'uncertain') keepUncertain(item)
    return conclude(service, item, decide(item, outcome, policies, clock.now(), Math.random()))
  }

  function conclude(service: Service, item: OutboundItem, { ending, verdict }: Decision): Verdict<OutboundWork> {
    const answered = pending.settle(item.id, ending)
    recorder.concluded(service.id, item, ending)
    // A failure that went back as the SIP answer is not reported a second time (RFC 5438 §8.3).
    return answered === 'failure' && verdict.kind === 'done' ? { kind: 'done' } : verdict
  }

  function keepUncertain(item: OutboundItem): void {
    if (uncertain.size >= UNCERTAIN_KEPT) {
      const [oldest] = uncertain.keys()
      if (oldest !== undefined) uncertain.delete(oldest)
    }
    uncertain.set(item.id, { item })
  }

  return {
    start() {
      for (const service of services.values()) {
        consumers.push(
          spool.take<OutboundWork>(
            outLane(service.id),
            { parallel: () => service.adapter.messages.parallel(), holdMs: policies.maxLife },
            (taken) => attempt(service, taken),
            (item, reason) => {
              const { ending, verdict } = failed(item, 'internal', reason, clock.now())
              pending.settle(item.id, ending)
              recorder.concluded(service.id, item, ending)
              return {
                kind: 'failed',
                reason,
                ...(verdict.kind === 'done' && verdict.puts ? { puts: verdict.puts } : {}),
              }
            },
          ),
        )
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
      const decision = decide(item, outcome, policies, clock.now(), Math.random())
      if (await spool.settle(item.lane, item.id, decision.verdict)) {
        uncertain.delete(item.id)
        conclude(service, item, decision)
      } else {
        // Not waiting yet, or no longer: the truth is used when the message comes up again.
        doubtful.late = outcome
      }
    },
    async stop(deadline) {
      giveUp.abort()
      await Promise.all(consumers.map((consumer) => consumer.stop(deadline)))
    },
  }
}

/** The item's id stands for the message towards the adapter: unique here, the same in every attempt. */
function offer({ id, payload: { message, candidates, index } }: OutboundItem): OutboundMessage {
  const candidate = candidates[index] as Candidate
  return {
    messageId: id as MessageId,
    from: candidate.from,
    to: candidate.to,
    content: message.content,
    expiresAt: message.expiresAt,
    reports: reportsFor(message.dispositions),
    ...(message.subject === undefined ? {} : { subject: message.subject }),
    ...(message.priority === undefined ? {} : { priority: message.priority }),
  }
}

const reportsFor = (dispositions: readonly DispositionRequest[]) => ({
  delivered: dispositions.includes('positive-delivery'),
  failed: dispositions.includes('negative-delivery'),
  displayed: dispositions.includes('display'),
})

function describeAttempt({ attempts, payload }: OutboundItem, possibleDuplicate: boolean): Attempt {
  return { number: attempts + 1, possibleDuplicate, ...(payload.progress ? { progress: payload.progress } : {}) }
}
