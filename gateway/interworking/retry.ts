import type { InterworkingPolicies } from '../config/schema.js'
import type { DeliveryOutcome } from '../conversation/delivery.js'

/** Wait before attempt `attempts + 1`, ms: grows from `first` by `factor` up to `max`, with a fifth of jitter (`random` 0…1). */
export function backoffMs(policy: InterworkingPolicies['retry'], attempts: number, random: number): number {
  const grown = Math.min(policy.first * policy.factor ** Math.max(0, attempts - 1), policy.max)
  return Math.round(grown * (0.8 + 0.4 * random))
}

/** Wait before a user who was not reached after `attempts` is tried again, ms: short when he has just come back. */
export function deliveryWaitMs(
  policy: InterworkingPolicies['retry'],
  { retryAfterMs = 0, registeredMeanwhile }: DeliveryOutcome & { kind: 'unavailable' },
  attempts: number,
  random: number,
): number {
  return registeredMeanwhile ? policy.first : Math.max(retryAfterMs, backoffMs(policy, attempts, random))
}
