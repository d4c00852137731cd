import type { InterworkingPolicies } from '../../config/schema.js'
import type { Clock } from '../../cpm/clock.js'
import type { FailureReason } from '../../cpm/failure.js'
import { ICSI } from '../../cpm/features.js'
import type { Uri } from '../../cpm/ids.js'
import { deliveryWaitMs } from '../../interworking/retry.js'
import type { Boxes } from '../../spool/boxes.js'
import type { SpoolItem, Verdict } from '../../spool/spool.js'
import type { Delivery, DeliveryOutcome, ToDevices } from '../delivery.js'
import type { DeferredMessage, PreferenceStore, Registrations } from '../port.js'
import type { DeferredRecorder } from './recorder.js'
import type { DeferredWork, KeptEntry } from './work.js'

export interface PushOptions {
  readonly boxes: Boxes
  readonly toDevices: ToDevices
  readonly preferences: PreferenceStore
  readonly registrations: Pick<Registrations, 'devices'>
  readonly retry: InterworkingPolicies['retry']
  readonly clock: Clock
  readonly recorder: DeferredRecorder
  readonly undelivered: (deferred: DeferredMessage, reason: FailureReason) => Promise<void>
}

/** Then the work is put back, so that nobody else takes it while it is under way. */
const PUSH_FOR_MS = 60_000

/**
 * Pushes what waits for a user, oldest first, the next one only after the answer to the one before (`DEF-02`, `DEF-09`). What a
 * device has answered with 2xx leaves the store before the next one is sent.
 */
export function createPush(options: PushOptions) {
  const { boxes, toDevices, preferences, registrations, retry, clock, recorder, undelivered } = options

  return async function push(user: Uri, item: SpoolItem<DeferredWork>): Promise<Verdict<DeferredWork>> {
    const { excluded } = await preferences.of(user)
    const until = clock.now() + PUSH_FOR_MS
    let [entry] = (await boxes.first(user, 'deferred', 1)) as readonly KeptEntry[]
    while (entry) {
      const outcome = await toDevices(deferredDelivery(entry.content.deferred), excluded)
      if (outcome.kind === 'unavailable') return later(user, item, outcome)
      if (outcome.kind === 'refused') {
        await undelivered(entry.content.deferred, outcome.reason)
        recorder.event('undeliverable', entry.content.deferred, outcome.said)
      } else recorder.event('delivered', entry.content.deferred, outcome.said)
      const rest = (await boxes.next(user, entry.id, 'deferred', 1)) as readonly KeptEntry[]
      entry = rest[0]
      if (entry && clock.now() >= until)
        return { kind: 'later', delayMs: 1, payload: item.payload, why: 'more to push' }
    }
    return { kind: 'done' }
  }

  /** Nobody there: his next registration begins it anew. Otherwise it is tried again. */
  async function later(
    user: Uri,
    item: SpoolItem<DeferredWork>,
    outcome: DeliveryOutcome & { readonly kind: 'unavailable' },
  ): Promise<Verdict<DeferredWork>> {
    const devices = await registrations.devices(user)
    if (devices !== 'unknown' && devices.length === 0) return { kind: 'done' }
    const delayMs = deliveryWaitMs(retry, outcome, item.attempts + 1, Math.random())
    return { kind: 'later', delayMs, payload: item.payload, why: outcome.said }
  }
}

/** A waiting message on its way, marked as such; its sender, time and identity are the original ones (`DEF-08`). */
export const deferredDelivery = ({ user, message, from, fromName }: DeferredMessage): Delivery => ({
  user,
  content: { kind: 'message', message },
  from,
  icsi: ICSI.deferred,
  ...(fromName === undefined ? {} : { fromName }),
})
