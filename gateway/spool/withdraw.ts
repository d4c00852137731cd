import type { Lane, LaneContext } from './lane.js'
import type { RedisHandle } from './redis.js'
import { run } from './script.js'
import { LOOK, SENT } from './scripts/look.js'
import type { LaneName, SentMessageRecord, SpoolItem, Verdict } from './spool.js'
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
    const [next, entry, holder, item] = Array.isArray(reply) ? reply : []
    if (entry !== undefined) {
      return { entry: String(entry), holder: String(holder), item: JSON.parse(String(item)) as SpoolItem }
    }
    from = String(next ?? '')
  }
  return undefined
}

export interface WithdrawParts {
  readonly redis: RedisHandle
  readonly node: string
  readonly waiting: Waiting
  readonly lanes: ReadonlyMap<LaneName, Pick<Lane, 'seize' | 'unseize'>>
  /** False when somebody was faster. */
  conclude(place: Place, verdict: Verdict<unknown>): Promise<boolean>
  /** See `LaneContext`. */
  readonly concludePutOff: LaneContext['concludePutOff']
}

/** See `Spool.withdraw`. */
export function createWithdraw({ redis, node, waiting, lanes, conclude, concludePutOff }: WithdrawParts) {
  /** What this node has taken and nobody is at: the service is down, or the process before this one has left it. */
  async function takenIdle(
    lane: LaneName,
    found: { readonly entry: string; readonly item: SpoolItem },
    verdict: Verdict<unknown>,
  ): Promise<boolean> {
    const consumer = lanes.get(lane)
    if (consumer && !consumer.seize(found.entry)) return false
    try {
      // It waits already, and would come back: there it is found at the next look.
      if (await concludePutOff({ id: found.entry, item: found.item })) return false
      return await conclude({ kind: 'taken', ...found }, verdict)
    } finally {
      consumer?.unseize(found.entry)
    }
  }

  return async (
    lane: LaneName,
    rootId: string,
    decide: (item: SpoolItem) => Verdict<unknown> | undefined,
  ): Promise<'withdrawn' | 'left' | 'under-way' | 'unknown'> => {
    for (const found of await waiting.find(lane, rootId, 'beginning')) {
      if (!FOLLOWS.test(found.item.id.slice(rootId.length))) continue
      const verdict = decide(found.item)
      if (verdict === undefined) return 'left'
      if (!(await conclude({ kind: 'waiting', ...found }, verdict))) continue
      await waiting.drop(found)
      return 'withdrawn'
    }
    const found = await queued(redis, lane, rootId)
    if (found === undefined) return 'unknown'
    const { holder, ...place } = found
    if (holder !== '' && holder !== node) return 'under-way'
    const verdict = decide(found.item)
    if (verdict === undefined) return 'left'
    const done = await (holder === ''
      ? conclude({ kind: 'queued', ...place }, verdict)
      : takenIdle(lane, place, verdict))
    return done ? 'withdrawn' : 'under-way'
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
