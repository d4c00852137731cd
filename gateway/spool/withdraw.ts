import type { Lane, LaneContext } from './lane.js'
import type { RedisHandle } from './redis.js'
import { run } from './script.js'
import { LOOK, SENT } from './scripts/look.js'
import type { LaneName, SentMessageRecord, Spool, SpoolItem, Verdict } from './spool.js'
import type { Place } from './verdict.js'
import type { Waiting } from './waiting.js'

const PAGE = 500
/** What stands after the root in the id of an item. */
const FOLLOWS = /^(?:#\d+)?$/

/** The item in the stream of its lane. Its id stands first in its JSON. */
async function queued({ command, prefix }: RedisHandle, lane: LaneName, rootId: string) {
  const beginning = `{"id":${JSON.stringify(rootId).slice(0, -1)}`
  for (let from = '-'; from !== ''; ) {
    const reply = await run(command, LOOK, prefix, [lane, beginning, from, PAGE])
    const [next, entry, json, holder, deliveries] = Array.isArray(reply) ? reply : []
    if (entry !== undefined) {
      const item = JSON.parse(String(json)) as SpoolItem
      return { entry: String(entry), item, holder: String(holder), deliveries: Number(deliveries) }
    }
    from = String(next ?? '')
  }
  return undefined
}

export interface WithdrawParts {
  readonly redis: RedisHandle
  readonly node: string
  readonly waiting: Waiting
  readonly lanes: ReadonlyMap<LaneName, Pick<Lane, 'seize'>>
  /** False when somebody was faster. */
  conclude(place: Place, verdict: Verdict<unknown>): Promise<boolean>
  /** See `LaneContext`. */
  readonly concludePutOff: LaneContext['concludePutOff']
}

type Decide = Parameters<Spool['withdraw']>[2]
type Taken = Pick<Extract<Place, { readonly kind: 'taken' | 'queued' }>, 'entry' | 'item'>

/** See `Spool.withdraw`. */
export function createWithdraw({ redis, node, waiting, lanes, conclude, concludePutOff }: WithdrawParts) {
  /** What this node has taken and nobody is at: the service is down, or the process before this one has left it. */
  async function takenIdle(
    lane: LaneName,
    found: Taken,
    deliveries: number,
    decide: Decide,
  ): Promise<'withdrawn' | 'left' | 'under-way'> {
    const consumer = lanes.get(lane)
    // Nobody is at work in a lane that this node does not serve.
    const seized = consumer
      ? consumer.seize(found.entry, deliveries)
      : { recovered: deliveries > 0, end: () => undefined }
    if (!seized) return 'under-way'
    let gone = false
    try {
      if (seized.recovered && (await concludePutOff({ id: found.entry, item: found.item }))) {
        gone = true
        // It waits already, and would come back: there it is found at the next look.
        return 'under-way'
      }
      const verdict = decide(found.item, seized.recovered)
      if (verdict === undefined) return 'left'
      const done = await conclude({ kind: 'taken', ...found }, verdict)
      gone = true
      return done ? 'withdrawn' : 'under-way'
    } finally {
      seized.end(gone)
    }
  }

  return async (
    lane: LaneName,
    rootId: string,
    decide: Decide,
  ): Promise<'withdrawn' | 'left' | 'under-way' | 'unknown'> => {
    for (const found of await waiting.find(lane, rootId, 'beginning')) {
      if (!FOLLOWS.test(found.item.id.slice(rootId.length))) continue
      const verdict = decide(found.item, false)
      if (verdict === undefined) return 'left'
      if (!(await conclude({ kind: 'waiting', ...found }, verdict))) continue
      await waiting.drop(found)
      return 'withdrawn'
    }
    const found = await queued(redis, lane, rootId)
    if (found === undefined) return 'unknown'
    const { holder, deliveries, ...place } = found
    if (holder === node) return takenIdle(lane, place, deliveries, decide)
    if (holder !== '') return 'under-way'
    const verdict = decide(found.item, false)
    if (verdict === undefined) return 'left'
    return (await conclude({ kind: 'queued', ...place }, verdict)) ? 'withdrawn' : 'under-way'
  }
}

const ENDS: Readonly<Record<string, SentMessageRecord['ended']>> = { d: 'delivered', f: 'failed', e: 'error' }

/** See `Spool.sent`. */
export async function sentRecord(
  { command, prefix }: RedisHandle,
  recordId: string,
): Promise<SentMessageRecord | undefined> {
  const reply = await run(command, SENT, prefix, [JSON.stringify(recordId)])
  if (!Array.isArray(reply) || reply.length === 0) return undefined
  const [names, state, context] = reply
  const [scope, key]: readonly string[] = JSON.parse(String(names))
  return {
    scope: String(scope),
    key: key === '' ? undefined : key,
    ended: ENDS[String(state)],
    context: context === '' ? undefined : (JSON.parse(String(context)) as unknown),
  }
}
