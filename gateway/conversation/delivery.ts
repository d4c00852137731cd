import type { Binding, Registrar } from '../core/port.js'
import { type FailureReason, reasonForSipStatus } from '../cpm/failure.js'
import type { Uri } from '../cpm/ids.js'
import type { CpmRequestContent, Destination, SipEdge, SipOutcome } from '../sip/port.js'

/** A request for a CPM user, not yet tied to a device. */
export interface Delivery {
  readonly user: Uri
  readonly content: CpmRequestContent
  readonly from: Uri
  readonly fromName?: string
  /** Only to this device if it is registered, else to all (a notification belongs to the device that asked, `FLOW-24`). */
  readonly device?: string
}

/**
 * delivered: one device at least has it. refused: for good, with the SIP status behind it. unavailable: nobody there took it,
 * another time may.
 */
export type DeliveryOutcome =
  | { readonly kind: 'delivered'; readonly said: string }
  | { readonly kind: 'refused'; readonly reason: FailureReason; readonly status: number; readonly said: string }
  | {
      readonly kind: 'unavailable'
      readonly reason: FailureReason
      readonly retryAfterMs?: number
      /** A device has registered while this was tried: the next attempt goes another way. */
      readonly registeredMeanwhile?: true
      readonly said: string
    }

export type Deliver = (delivery: Delivery) => Promise<DeliveryOutcome>

/**
 * The terminating participating function's way to the user: a copy to each registered device of the embedded core, or one to
 * the external core, which knows the devices (`MSG-16`, `IWF-12`).
 */
export function createDelivery(edge: Pick<SipEdge, 'send'>, registrar: Registrar | undefined): Deliver {
  const toCore: Deliver = (delivery) => send(delivery, [{ kind: 'core', user: delivery.user }])
  if (!registrar) return toCore

  return async (delivery) => {
    const before = await registrar.bindings(delivery.user)
    const outcome = await send(delivery, devices(before, delivery.device))
    if (outcome.kind !== 'unavailable') return outcome
    const after = await registrar.bindings(delivery.user)
    return after.some((binding) => !before.some((known) => isSame(known, binding)))
      ? { ...outcome, registeredMeanwhile: true }
      : outcome
  }

  async function send(delivery: Delivery, destinations: readonly Destination[]): Promise<DeliveryOutcome> {
    if (destinations.length === 0) {
      return { kind: 'unavailable', reason: 'recipient-unavailable', said: `${delivery.user} has no registered device` }
    }
    const { content, from, fromName } = delivery
    return firstDelivered(
      destinations.map(async (destination) =>
        judge(await edge.send({ destination, content, from, ...(fromName === undefined ? {} : { fromName }) })),
      ),
    )
  }
}

const isSame = (one: Binding, other: Binding): boolean =>
  one.contact === other.contact && one.callId === other.callId && one.cseq === other.cseq

function devices(bindings: readonly Binding[], device: string | undefined): readonly Destination[] {
  const asked = bindings.filter(({ instance }) => instance !== undefined && instance === device)
  return (asked.length > 0 ? asked : bindings).map(({ user, contact, flow, instance }) => ({
    kind: 'device',
    user,
    contact,
    flow,
    ...(instance === undefined ? {} : { instance }),
  }))
}

/** Statuses after which the same request may succeed later (RFC 3261 §21, by their meaning for a stored message). */
const PASSING = new Set([408, 430, 480, 486, 491, 500, 502, 503, 504, 600])

function judge(outcome: SipOutcome): DeliveryOutcome {
  if (outcome.kind !== 'answered')
    return {
      kind: 'unavailable',
      reason: outcome.kind === 'silent' ? 'timeout' : 'unreachable-network',
      said: outcome.said,
    }
  const { status, said, retryAfterSeconds } = outcome
  if (status < 300) return { kind: 'delivered', said }
  const reason = reasonForSipStatus(status)
  if (!PASSING.has(status)) return { kind: 'refused', reason, status, said }
  return {
    kind: 'unavailable',
    reason,
    said,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterMs: retryAfterSeconds * 1000 }),
  }
}

/** The first copy delivered, whatever becomes of the others, which are under way all the same; without any, the best of all. */
function firstDelivered(copies: readonly Promise<DeliveryOutcome>[]): Promise<DeliveryOutcome> {
  return new Promise((resolve, reject) => {
    for (const copy of copies) {
      copy.then((outcome) => {
        if (outcome.kind === 'delivered') resolve(outcome)
      }, reject)
    }
    Promise.all(copies).then((outcomes) => resolve(best(outcomes)), reject)
  })
}

/** One copy delivered is enough (`FLOW-07b`); while a device may still take it, it is not refused. */
function best(outcomes: readonly DeliveryOutcome[]): DeliveryOutcome {
  const found =
    outcomes.find(({ kind }) => kind === 'delivered') ??
    outcomes.find(({ kind }) => kind === 'unavailable') ??
    outcomes[0]
  return found ?? { kind: 'unavailable', reason: 'recipient-unavailable', said: 'no device' }
}
