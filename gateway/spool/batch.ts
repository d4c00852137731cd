import { SpoolUnavailable } from './spool.js'

/** Operations of one script call: more would keep everybody else waiting for Redis too long. */
const MAX_BATCH = 300
/** Calls under way at once: while Redis is at one, others are made and their replies read. */
const MAX_CALLS = 4
/** What is worth a call of its own while others are under way: fewer operations wait and share its fsync. */
const MIN_SECOND = 64
/** Characters of one script call, about: a single operation may have more. */
const MAX_CHARACTERS = 8_000_000
/** Operations that wait for their turn in this process; a caller beyond gets SpoolUnavailable. */
const MAX_WAITING = 50_000
/** Their characters together, about: while Redis does not answer, large messages are refused before memory runs out. */
const MAX_WAITING_CHARACTERS = 134_217_728

interface Waiting<Operation> {
  readonly operation: Operation
  readonly characters: number
  resolve(reply: unknown): void
  reject(error: unknown): void
}

/**
 * Gathers operations into calls of a script, which runs them in order: what comes in one turn of the event loop, and what
 * comes while earlier calls are under way. So the busier it is, the more messages share one command and one fsync.
 * `call` answers with one reply each, an Error for one that failed by itself; `charactersOf` says how long an operation is.
 */
export function batched<Operation>(
  call: (operations: readonly Operation[]) => Promise<unknown>,
  charactersOf: (operation: Operation) => number,
): (operation: Operation) => Promise<unknown> {
  const gathered: Waiting<Operation>[] = []
  let unanswered = 0
  let characters = 0
  let calls = 0

  async function send(batch: readonly Waiting<Operation>[]): Promise<void> {
    calls += 1
    try {
      const replies = await call(batch.map(({ operation }) => operation))
      if (!Array.isArray(replies)) throw new Error('a batch script answers with a list')
      batch.forEach(({ resolve, reject }, index) => {
        const reply: unknown = replies[index]
        if (reply instanceof Error) reject(reply)
        else resolve(reply)
      })
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      unanswered -= batch.length
      for (const one of batch) characters -= one.characters
      calls -= 1
      flush()
    }
  }

  function flush(): void {
    if (gathered.length >= (calls === 0 ? 1 : MIN_SECOND) && calls < MAX_CALLS)
      void send(gathered.splice(0, batchSize()))
  }

  /** How many of those that wait go into the next call; one at least. */
  function batchSize(): number {
    let size = 0
    let length = 0
    for (const one of gathered) {
      length += one.characters
      if (size > 0 && (size >= MAX_BATCH || length > MAX_CHARACTERS)) break
      size += 1
    }
    return size
  }

  return (operation) => {
    if (unanswered >= MAX_WAITING || characters > MAX_WAITING_CHARACTERS) {
      return Promise.reject(new SpoolUnavailable('too much waits for Redis'))
    }
    unanswered += 1
    const length = charactersOf(operation)
    characters += length
    return new Promise((resolve, reject) => {
      gathered.push({ operation, characters: length, resolve, reject })
      if (calls === 0 ? gathered.length === 1 : gathered.length === MIN_SECOND) setImmediate(flush)
    })
  }
}
