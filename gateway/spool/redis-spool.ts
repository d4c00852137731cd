import type { Logger } from 'pino'
import type { InboundReport, ReportOutcome } from '../../adapters/contract/index.js'
import type { Clock } from '../cpm/clock.js'
import { batched } from './batch.js'
import { heartbeat } from './heartbeat.js'
import { keysOf } from './keys.js'
import { consumeLane, type Lane, type LaneContext } from './lane.js'
import { createNotes } from './notes.js'
import { life, type Operation } from './operation.js'
import { failedCount, failedItems, laneStates } from './overview.js'
import type { RedisHandle } from './redis.js'
import { createRoundTrip, type Step, stepCharacters } from './round-trip.js'
import type { LaneConsumer, LaneName, PutOptions, Spool, SpoolItem, Verdict } from './spool.js'
import { nextTurn } from './turn.js'
import { available } from './unavailable.js'
import { noteArguments, type Place, verdictOperation } from './verdict.js'
import { createWaiting } from './waiting.js'
import { createWithdraw, sentRecord } from './withdraw.js'

export interface SpoolOptions {
  /** Name of this node: its share of the work is found again under it after a crash. */
  readonly node: string
  readonly clock: Clock
  readonly log: Logger
  /** Times an item may be handed over without a verdict before it goes to `onPoison`. Default 5. */
  readonly maxCrashes?: number
  /** A node that does not renew its sign of life for this long is dead, ms. Default 15 s. */
  readonly nodeLifeMs?: number
}

export interface RedisSpool extends Spool {
  /** Takes no more, waits for what is under way until `deadline`, and ends its connections. The handle stays open. */
  stop(deadline: AbortSignal): Promise<void>
}

const MAX_CRASHES = 5
const NODE_LIFE_MS = 15_000
const REPORT_STATES: ReadonlySet<string> = new Set(['delivered', 'failed', 'error', 'interim', 'displayed'])

/** The spool on Redis streams and BullMQ. */
export async function createSpool(redis: RedisHandle, options: SpoolOptions): Promise<RedisSpool> {
  const { node, clock, log, maxCrashes = MAX_CRASHES, nodeLifeMs = NODE_LIFE_MS } = options
  const { command, prefix } = redis
  const work = batched<Step>(createRoundTrip(redis, node), stepCharacters)
  const waiting = await createWaiting(redis, log)
  const beat = await heartbeat(redis, node, clock, log, nodeLifeMs)
  const consumers: LaneConsumer[] = []
  const lanes = new Map<LaneName, Lane>()

  /** False when somebody else has settled the item. */
  async function conclude(place: Place, verdict: Verdict<unknown>): Promise<boolean> {
    const now = clock.now()
    const later = verdict.kind === 'later' ? await putOff(place.item, verdict.payload, verdict.delayMs) : undefined
    return (await work(verdictOperation(place, verdict, later, now))) === 1
  }

  /** Back when the delay is over, but no later than the end of its life, which somebody has to be told. */
  function putOff(item: SpoolItem, payload: unknown, delayMs: number) {
    const untilExpiry = item.expiresAt - clock.now()
    return waiting.add({ ...item, attempts: item.attempts + 1, payload }, life(Math.min(delayMs, untilExpiry)))
  }

  const context: LaneContext = {
    redis,
    node,
    clock,
    log,
    maxCrashes,
    take: (lane, most) => work({ name: 'take', lane, most }),
    conclude: ({ id, item }, verdict) => conclude({ kind: 'taken', item, entry: id }, verdict),
    async concludePutOff({ id, item }) {
      const later = await waiting.known({ ...item, attempts: item.attempts + 1 })
      if (later === undefined) return false
      await work(verdictOperation({ kind: 'taken', item, entry: id }, { kind: 'done' }, later, clock.now()))
      return true
    },
  }
  const withdraw = createWithdraw({ ...context, waiting, lanes, conclude })

  return {
    async put(item, { rememberMs, alsoKnownAs = [], notes }: PutOptions) {
      const names = [item.id, ...alsoKnownAs]
      const args = [item.lane, item.expiresAt, life(rememberMs), names.length, ...names, ...noteArguments(notes)]
      const stored = await available(work({ name: 'put', args, texts: [JSON.stringify(item)] }))
      return stored === 1 ? 'stored' : 'duplicate'
    },
    take(lane, takeOptions, handle, onPoison) {
      const consumer = consumeLane(context, { lane, options: takeOptions, handle, onPoison })
      consumers.push(consumer)
      lanes.set(lane, consumer)
      return consumer
    },
    async report(scope, told) {
      // The answer that names its message may have come in the same packet: its verdict goes first.
      await nextTurn()
      return (await available(work(reportOperation(scope, told, clock.now())))) as ReportOutcome
    },
    settle: (lane, itemId, verdict) => available(settleWaiting(lane, itemId, verdict)),
    withdraw: (lane, rootId, decide) => available(withdraw(lane, rootId, decide)),
    sent: (recordId) => available(sentRecord(redis, recordId)),
    hurry: (lane, idPrefix) => available(hurry(lane, idPrefix)),
    isAlive: async (other) => (await available(command.exists(keysOf(prefix).alive(other)))) === 1,
    notes: createNotes(redis),
    lanes: () => available(laneStates(redis, clock)),
    failed: (limit) => available(failedItems(redis, limit)),
    failedCount: () => available(failedCount(redis)),
    async stop(deadline) {
      await Promise.all(consumers.map((consumer) => consumer.stop(deadline)))
      await waiting.stop()
      await beat.stop()
    },
  }

  async function settleWaiting(lane: LaneName, itemId: string, verdict: Verdict<unknown>): Promise<boolean> {
    for (const found of await waiting.find(lane, itemId, 'whole')) {
      if (!(await conclude({ kind: 'waiting', ...found }, verdict))) continue
      await waiting.drop(found)
      return true
    }
    return false
  }

  async function hurry(lane: LaneName, idPrefix: string): Promise<number> {
    let hurried = 0
    for (;;) {
      const found = await waiting.find(lane, idPrefix, 'beginning')
      const released = await Promise.all(found.map((one) => waiting.release(one)))
      const count = released.filter(Boolean).length
      await Promise.all(found.map((one) => waiting.drop(one)))
      hurried += count
      if (count === 0) return hurried
    }
  }
}

function reportOperation(scope: string, report: InboundReport, now: number): Operation {
  const { keys, converted, addresses, state } = report
  if (!REPORT_STATES.has(state)) throw new RangeError(`${state} is no state of a report`)
  const lists = [keys, converted, addresses].flatMap((list) => [list.length, ...list])
  return { name: 'report', args: [now, scope, state, ...lists], texts: [JSON.stringify(report)] }
}
