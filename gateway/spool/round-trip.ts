import { GROUP, keysOf } from './keys.js'
import { charactersOf, type Operation } from './operation.js'
import { packed } from './packed.js'
import type { RedisHandle } from './redis.js'
import { run } from './script.js'
import { WORK } from './scripts/work.js'
import type { LaneName } from './spool.js'

/** The oldest items of a lane that nobody has taken become this node's. Reply: that of XREADGROUP. */
export interface Take {
  readonly name: 'take'
  readonly lane: LaneName
  /** Asked when the call is made, after the verdicts that go with it have left their places. */
  most(): number
}

export type Step = Operation | Take

export const stepCharacters = (step: Step): number => (step.name === 'take' ? 0 : charactersOf(step))

/**
 * Carries out steps in one round trip, and one fsync: all that changes the work by one script, then what is taken, past the
 * script, which would copy each item twice. Resolves with a reply for each, an Error for one that failed.
 */
export function createRoundTrip({ command, prefix }: RedisHandle, node: string) {
  const keys = keysOf(prefix)

  async function work(operations: readonly Operation[]): Promise<readonly unknown[]> {
    if (operations.length === 0) return []
    try {
      const replies = await run(command, WORK, prefix, packed(operations))
      if (!Array.isArray(replies)) throw new Error('a batch script answers with a list')
      return replies
    } catch (error) {
      return operations.map(() => error)
    }
  }

  const take = ({ lane, most }: Take): Promise<unknown> =>
    command
      .xreadgroup('GROUP', GROUP, node, 'COUNT', most(), 'STREAMS', keys.lane(lane), '>')
      .catch((error: unknown) => error)

  return async (steps: readonly Step[]): Promise<readonly unknown[]> => {
    const operations = steps.filter((step) => step.name !== 'take')
    const takes = steps.filter((step) => step.name === 'take')
    const [worked, ...taken] = await Promise.all([work(operations), ...takes.map(take)])
    const [nextWorked, nextTaken] = [worked.values(), taken.values()]
    return steps.map(({ name }) => (name === 'take' ? nextTaken : nextWorked).next().value)
  }
}
