import { setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import type { Entry } from './entry.js'
import { createHeld } from './held.js'
import { createLaneReader, type LaneReader } from './lane-reader.js'
import { pause, persistently } from './persistence.js'
import type { RedisHandle } from './redis.js'
import { createSignal } from './signal.js'
import {
  type LaneConsumer,
  type LaneName,
  type SpoolItem,
  SpoolUnavailable,
  type Taken,
  type TakeOptions,
  type Verdict,
} from './spool.js'
import { nextTurn } from './turn.js'

export interface LaneContext {
  readonly redis: RedisHandle
  readonly node: string
  readonly clock: Clock
  readonly log: Logger
  readonly maxCrashes: number
  /** Takes the oldest items of a lane along with what else goes to Redis; `most` is asked when the call is made. The reply of XREADGROUP. */
  take(lane: LaneName, most: () => number): Promise<unknown>
  /** Writes the verdict; rejects when Redis is out of reach. */
  conclude(entry: Entry, verdict: Verdict<unknown>): Promise<unknown>
  /** Ends an item that was put off already, by a process that died before it could say so; true then. */
  concludePutOff(entry: Pick<Entry, 'id' | 'item'>): Promise<boolean>
}

/** An entry that its lane leaves alone until `end`. */
export interface Seized {
  /** Somebody was at it before, and did not live to say what became of it. */
  readonly recovered: boolean
  /** `gone`: it has its verdict. Otherwise it may be taken again. */
  end(gone: boolean): void
}

export interface Lane extends LaneConsumer {
  /** An entry that it has taken and given to nobody yet, or does not hold; undefined when somebody is at it. */
  seize(entryId: string, deliveries: number): Seized | undefined
}

export interface LaneWork<Payload> {
  readonly lane: LaneName
  readonly options: TakeOptions
  handle(taken: Taken<Payload>): Promise<Verdict<Payload>>
  onPoison(item: SpoolItem<Payload>, reason: string): Verdict<Payload>
}

const SWEEP_MS = 30_000
const RESCUE_MS = 5_000
const BACKOFF_MS = { first: 1_000, max: 60_000 }
/** What is taken ahead counts as in doubt when the process is killed: not too much of it. */
const MAX_AHEAD = 100
const STORE_REST_MS = { first: 100, max: 2_000 }

/** Takes the items of a lane, as many at once as there are places, and sees each to its verdict. */
export function consumeLane<Payload>(context: LaneContext, work: LaneWork<Payload>): Lane {
  const { clock, maxCrashes } = context
  const { options } = work
  const log = context.log.child({ lane: work.lane })
  const reader: LaneReader<Payload> = createLaneReader(context, work.lane, options.holdMs)
  /** Stream entries this process knows of: under way, ready, or resting after a crash of their handler. */
  const held = createHeld()
  let underWay = 0
  /** Of those under way: the handler is done, and the verdict is being written. */
  let concluding = 0
  /** Taken and not yet handed over. */
  let ready: Entry<Payload>[] = []
  const changed = createSignal()
  const stopping = new AbortController()
  const givingUp = new AbortController()
  // One listener for each item that rests or whose verdict waits for Redis.
  setMaxListeners(0, stopping.signal, givingUp.signal)
  const insist = <T>(act: () => Promise<T>) => persistently(act, { clock, log, giveUp: givingUp.signal })

  /**
   * A verdict on its way to Redis keeps nobody waiting, so that the service always has something to do: up to one less than
   * the lane has places. A lane with one place sees to one after the other.
   */
  const places = (): number => {
    const parallel = options.parallel()
    return parallel - underWay + Math.max(0, Math.min(concluding, parallel - 1))
  }

  /** Nearly as many as there are places are taken ahead: they begin while the verdicts on others are written. */
  const room = (): number => {
    const ahead = Math.max(0, Math.min(options.parallel() - 1, MAX_AHEAD))
    return Math.min(places() + ahead - ready.length, held.room())
  }

  /** The own past first, then what is new. */
  async function read(): Promise<void> {
    while (!stopping.signal.aborted) {
      if (room() > 0) accept((await insist(() => reader.next(room))) ?? [])
      else {
        await changed.next()
        // Answers and verdicts come in batches: let the whole batch free its places before the next read.
        await nextTurn()
      }
    }
  }

  function accept(entries: readonly Entry<Payload>[]): void {
    ready.push(...hold(entries))
    dispatch()
  }

  /** Those that were not held yet. */
  function hold(entries: readonly Entry<Payload>[]): readonly Entry<Payload>[] {
    const fresh = entries.filter(({ id }) => !held.has(id))
    for (const { id, characters } of fresh) held.add(id, characters)
    return fresh
  }

  function dispatch(): void {
    while (places() > 0 && !stopping.signal.aborted) {
      const entry = ready.shift()
      if (entry === undefined) return
      begin(entry)
    }
  }

  function begin(entry: Entry<Payload>): void {
    underWay += 1
    void seeThrough(entry).then((seen) => {
      underWay -= 1
      if (seen) held.delete(entry.id)
      else void restAndRetake(entry)
      dispatch()
      changed.fire()
    })
  }

  /** False when the handler failed, or waits for Redis when all stops, or gave a verdict that cannot be written, and may try again. */
  async function seeThrough(entry: Entry<Payload>): Promise<boolean> {
    if (entry.deliveries > 1 && (await insist(() => context.concludePutOff(entry)))) return true
    if (givingUp.signal.aborted) return true
    const verdict = await verdictOn(entry)
    if (verdict === undefined) return false
    concluding += 1
    changed.fire()
    try {
      await insist(() => context.conclude(entry, verdict))
      return true
    } catch (error) {
      log.error({ err: error, item: entry.item.id, verdict: verdict.kind }, 'verdict cannot be written')
      return false
    } finally {
      concluding -= 1
    }
  }

  /** A store out of reach is no fault of the item: once it is back, the item is handed over again, uncounted. */
  async function verdictOn({ item, deliveries }: Entry<Payload>): Promise<Verdict<Payload> | undefined> {
    if (deliveries > maxCrashes) return poison(item, `handed over ${maxCrashes} times without an outcome`)
    for (let rest = STORE_REST_MS.first; ; rest = Math.min(rest * 2, STORE_REST_MS.max)) {
      try {
        return await work.handle({ item, recovered: deliveries > 1, expired: clock.now() >= item.expiresAt })
      } catch (error) {
        if (!(error instanceof SpoolUnavailable)) return crashed(item, deliveries, error)
        log.warn({ err: error, item: item.id }, 'the handler waits for Redis')
        await pause(clock, rest, stopping.signal)
        if (stopping.signal.aborted) return undefined
      }
    }
  }

  /** Undefined: it may try again. */
  function crashed(item: SpoolItem<Payload>, deliveries: number, error: unknown): Verdict<Payload> | undefined {
    log.error({ err: error, item: item.id, deliveries }, 'handler failed')
    return deliveries < maxCrashes ? undefined : poison(item, String(error))
  }

  function poison(item: SpoolItem<Payload>, reason: string): Verdict<Payload> {
    log.error({ item: item.id, reason }, 'poisoned item')
    try {
      return work.onPoison(item, reason)
    } catch (error) {
      log.error({ err: error, item: item.id }, 'handler of poisoned items failed')
      return { kind: 'failed', reason }
    }
  }

  async function restAndRetake(entry: Entry<Payload>): Promise<void> {
    const rest = Math.min(BACKOFF_MS.first * 2 ** (entry.deliveries - 1), BACKOFF_MS.max)
    await pause(clock, rest, stopping.signal)
    const again = stopping.signal.aborted ? undefined : await insist(() => reader.retake(entry.id))
    held.delete(entry.id)
    accept(again ?? [])
  }

  async function rescue(): Promise<void> {
    if (options.parallel() <= 0) await giveBack()
    const free = room()
    if (free > 0) accept(await reader.rescue(free, (id) => held.has(id)))
  }

  /** What was taken ahead and cannot begin is anybody's again. */
  async function giveBack(): Promise<void> {
    const untouched = ready.filter(({ deliveries }) => deliveries === 1)
    ready = ready.filter(({ deliveries }) => deliveries > 1)
    try {
      await reader.giveBack(untouched.map(({ id }) => id))
    } catch (error) {
      ready.unshift(...untouched)
      throw error
    }
    for (const { id } of untouched) held.delete(id)
  }

  /** A closed lane lets out only those whose time is over. */
  async function sweep(): Promise<void> {
    if (options.parallel() > 0) return
    const now = clock.now()
    ready.push(...hold(await reader.expired(now)))
    const over = ready.filter(({ item }) => item.expiresAt <= now)
    ready = ready.filter(({ item }) => item.expiresAt > now)
    over.forEach(begin)
  }

  async function every(periodMs: number, act: () => Promise<void>): Promise<void> {
    for (;;) {
      await pause(clock, periodMs, stopping.signal)
      if (stopping.signal.aborted) return
      await act().catch((error: unknown) => log.warn({ err: error }, 'Redis is out of reach'))
    }
  }

  const tasks = [read(), every(RESCUE_MS, rescue), every(SWEEP_MS, sweep)]

  return {
    seize(entryId, deliveries) {
      const idle = ready.find(({ id }) => id === entryId)
      if (!idle && held.has(entryId)) return undefined
      ready = ready.filter((entry) => entry !== idle)
      // What a read brings of it from now on is passed over.
      if (!idle) held.add(entryId, 0)
      return {
        recovered: idle ? idle.deliveries > 1 : deliveries > 0,
        end(gone) {
          if (idle && !gone) ready.unshift(idle)
          else held.delete(entryId)
          dispatch()
          changed.fire()
        },
      }
    },
    wake() {
      dispatch()
      changed.fire()
    },
    async stop(deadline) {
      const giveUp = (): void => {
        givingUp.abort()
        reader.stop()
        changed.fire()
      }
      stopping.abort()
      changed.fire()
      deadline.addEventListener('abort', giveUp)
      if (deadline.aborted) giveUp()
      else await reader.interrupt()
      while (underWay > 0 && !deadline.aborted) await changed.next()
      givingUp.abort()
      await Promise.all(tasks)
      if (!deadline.aborted)
        await giveBack().catch((error: unknown) => log.warn({ err: error }, 'Redis is out of reach'))
      deadline.removeEventListener('abort', giveUp)
      reader.stop()
    },
  }
}
