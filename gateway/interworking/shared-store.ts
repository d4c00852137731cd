import type { SharedStore } from '../../adapters/contract/index.js'
import type { Clock } from '../cpm/clock.js'
import type { ServiceId } from '../cpm/ids.js'
import type { LaneConsumer, Spool, Taken, Verdict } from '../spool/spool.js'

export interface AdapterStore extends SharedStore {
  start(): void
  stop(deadline: AbortSignal): Promise<void>
}

interface Wake {
  readonly key: string
  readonly at: number
}

/** A wake-up outlives its hour by this much while the node is down, ms. */
const WAKE_LIFE_MS = 86_400_000
const PARALLEL_WAKES = 16

/** The shared store of one adapter, over the spool: its keys are apart from everybody's, its wake-ups are items of a lane. */
export function createAdapterStore(service: ServiceId, spool: Spool, clock: Clock): AdapterStore {
  const lane = `wake.${service}`
  let waker: ((key: string) => Promise<void>) | undefined
  let consumer: LaneConsumer | undefined

  async function wake({ item, expired }: Taken<Wake>): Promise<Verdict<Wake>> {
    const delayMs = item.payload.at - clock.now()
    if (delayMs > 0 && !expired) return { kind: 'later', delayMs, payload: item.payload, why: 'not yet' }
    await waker?.(item.payload.key)
    return { kind: 'done' }
  }

  return {
    update: (key, lifeMs, change) => spool.notes.update(`adapter|${service}|${key}`, lifeMs, change),
    async wakeAt(key, atMs) {
      const now = clock.now()
      const payload: Wake = { key, at: atMs }
      await spool.put(
        { id: key, lane, attempts: 0, acceptedAt: now, expiresAt: atMs + WAKE_LIFE_MS, payload },
        { rememberMs: Math.max(1, atMs - now) },
      )
    },
    onWake(handler) {
      waker = handler
      consumer?.wake()
    },
    start() {
      consumer = spool.take<Wake>(
        lane,
        { parallel: () => (waker ? PARALLEL_WAKES : 0), holdMs: 60_000 },
        wake,
        (_, reason) => ({ kind: 'failed', reason }),
      )
    },
    async stop(deadline) {
      await consumer?.stop(deadline)
    },
  }
}
