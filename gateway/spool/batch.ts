import { SpoolUnavailable } from './spool.js'

export type Argument = string | number

/**
 * A life for Redis: a whole number of ms, at least 1. Throws a RangeError for anything that is no duration, because an
 * argument that Redis refuses would fail the whole batch, and with it the work of others.
 */
export function life(ms: number): number {
  if (!Number.isFinite(ms)) throw new RangeError(`${ms} is no duration`)
  return Math.max(1, Math.round(ms))
}

/** Operations of one script call: more would keep everybody else waiting for Redis too long. */
const MAX_BATCH = 100
/** Operations that wait for their turn in this process; a caller beyond gets SpoolUnavailable. */
const MAX_WAITING = 50_000

interface Waiting {
  readonly args: readonly Argument[]
  resolve(reply: unknown): void
  reject(error: unknown): void
}

/**
 * Gathers the operations of one turn of the event loop into one call: a script runs them in order, so that 100 messages
 * cost one command and one fsync. `call` gets the arguments of all, one after the other, and answers with one reply each.
 */
export function batched(
  call: (args: readonly Argument[]) => Promise<unknown>,
): (args: readonly Argument[]) => Promise<unknown> {
  let gathered: Waiting[] = []
  let unanswered = 0

  async function send(batch: readonly Waiting[]): Promise<void> {
    try {
      const all: Argument[] = []
      for (const { args } of batch) for (const argument of args) all.push(argument)
      const replies = await call(all)
      if (!Array.isArray(replies)) throw new Error('a batch script answers with a list')
      batch.forEach(({ resolve }, index) => {
        resolve(replies[index])
      })
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      unanswered -= batch.length
    }
  }

  function flush(): void {
    const all = gathered
    gathered = []
    for (let start = 0; start < all.length; start += MAX_BATCH) void send(all.slice(start, start + MAX_BATCH))
  }

  return (args) => {
    if (unanswered >= MAX_WAITING) return Promise.reject(new SpoolUnavailable('too many operations wait for Redis'))
    unanswered += 1
    return new Promise((resolve, reject) => {
      if (gathered.length === 0) setImmediate(flush)
      gathered.push({ args, resolve, reject })
    })
  }
}
