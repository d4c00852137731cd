import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import type { RedisHandle } from './redis.js'
import { run } from './script.js'
import { DUE, REMINDED } from './scripts/remind.js'
import { available } from './unavailable.js'

/**
 * Timers that outlive the process: the times lie in Redis, and any node may act on them. Not for messages, which have
 * lanes; for what is true of time alone, such as the end of a registration.
 */
export interface Reminders {
  /** Sets the time (ms since 1970) of a subject, instead of the one it had. Rejects with SpoolUnavailable. */
  set(kind: string, subject: string, at: number): Promise<void>
  /**
   * `act` is called on one node when the time of a subject has come, at least once; it may set a next time. When it rejects,
   * or the process dies, it is called again after a while. One handler for each kind.
   */
  on(kind: string, act: (subject: string) => Promise<void>): void
}

export interface RedisReminders extends Reminders {
  /** Begins to act. */
  start(): void
  /** Takes no more, and resolves when what is under way has ended, or when `deadline` fires. */
  stop(deadline: AbortSignal): Promise<void>
}

/** Longest sleep: another node may have set an earlier time. */
const LOOK_EVERY_MS = 1_000
const HOLD_MS = 60_000
/** Taken by one look, and under way at most: the rest waits where it is safe. */
const AT_ONCE = 64
const MAX_UNDER_WAY = 1_024

/** Reminders in one sorted set of Redis. Names are `<kind>:<subject>`. */
export function createReminders(
  { command, prefix }: RedisHandle,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): RedisReminders {
  const handlers = new Map<string, (subject: string) => Promise<void>>()
  let state: 'new' | 'running' | 'stopped' = 'new'
  let wakeAt = Number.POSITIVE_INFINITY
  let cancel = (): void => undefined
  const underWay = new Set<Promise<void>>()

  function sleep(until: number): void {
    if (state !== 'running' || until >= wakeAt) return
    cancel()
    wakeAt = until
    cancel = clock.after(Math.max(0, until - clock.now()), () => {
      wakeAt = Number.POSITIVE_INFINITY
      track(look())
    })
  }

  function track(work: Promise<void>): void {
    underWay.add(work)
    void work.finally(() => underWay.delete(work))
  }

  async function look(): Promise<void> {
    try {
      const held = clock.now() + HOLD_MS
      const [first = '', ...names] = underWay.size < MAX_UNDER_WAY ? await taken(held) : []
      for (const name of names) track(remind(name, held))
      if (first !== '') sleep(Number(first))
    } catch (error) {
      log.warn({ err: error }, 'reminders not read')
    }
    sleep(clock.now() + LOOK_EVERY_MS)
  }

  async function taken(held: number): Promise<readonly string[]> {
    const reply = await run(command, DUE, prefix, [clock.now(), held, AT_ONCE])
    return Array.isArray(reply) ? reply.map(String) : []
  }

  async function remind(name: string, held: number): Promise<void> {
    const colon = name.indexOf(':')
    const act = handlers.get(name.slice(0, colon))
    if (!act) return
    try {
      await act(name.slice(colon + 1))
      await run(command, REMINDED, prefix, [name, held])
    } catch (error) {
      log.warn({ reminder: name.slice(0, colon), err: error }, 'not done, will be tried again')
    }
  }

  return {
    async set(kind, subject, at) {
      await available(command.zadd(`${prefix}:reminders`, Math.round(at), `${kind}:${subject}`))
      sleep(at)
    },
    on(kind, act) {
      handlers.set(kind, act)
    },
    start() {
      state = 'running'
      sleep(clock.now())
    },
    async stop(deadline) {
      state = 'stopped'
      cancel()
      const late = new Promise((resolve) => deadline.addEventListener('abort', resolve, { once: true }))
      if (!deadline.aborted) await Promise.race([Promise.all(underWay), late])
    },
  }
}
