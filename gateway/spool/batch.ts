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
const MAX_BATCH = 200
/** Characters of one script call, about: a single operation may have more. */
const MAX_CHARACTERS = 8_000_000
/** Operations that wait for their turn in this process; a caller beyond gets SpoolUnavailable. */
const MAX_WAITING = 50_000

interface Waiting {
  readonly args: readonly Argument[]
  resolve(reply: unknown): void
  reject(error: unknown): void
}

/**
 * Gathers operations into calls of a script, which runs them in order: what comes in one turn of the event loop, and what
 * comes while the call before is under way. So the busier it is, the more messages share one command and one fsync.
 * `call` gets the arguments of all, one after the other, and answers with one reply each.
 */
export function batched(
  call: (args: readonly Argument[]) => Promise<unknown>,
): (args: readonly Argument[]) => Promise<unknown> {
  const gathered: Waiting[] = []
  let unanswered = 0
  let calling = false

  async function send(batch: readonly Waiting[]): Promise<void> {
    calling = true
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
      calling = false
      flush()
    }
  }

  function flush(): void {
    if (calling || gathered.length === 0) return
    void send(gathered.splice(0, batchSize(gathered)))
  }

  return (args) => {
    if (unanswered >= MAX_WAITING) return Promise.reject(new SpoolUnavailable('too many operations wait for Redis'))
    unanswered += 1
    return new Promise((resolve, reject) => {
      if (gathered.length === 0 && !calling) setImmediate(flush)
      gathered.push({ args, resolve, reject })
    })
  }
}

/** How many of those that wait go into the next call; one at least. */
function batchSize(waiting: readonly Waiting[]): number {
  let size = 0
  let characters = 0
  for (const { args } of waiting) {
    for (const argument of args) if (typeof argument === 'string') characters += argument.length
    if (size > 0 && (size >= MAX_BATCH || characters > MAX_CHARACTERS)) break
    size += 1
  }
  return size
}
