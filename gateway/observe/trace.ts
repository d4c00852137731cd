import type { Clock } from '../cpm/clock.js'
import type { RedisClient, RedisHandle } from '../spool/redis.js'
import type { Checkpoint, CheckpointNote } from './checkpoint.js'
import { add, emptyPack, PACK, type Pack, packText, unpack } from './pack.js'

/** Where the trace is kept. */
export type TraceStore = Pick<RedisHandle, 'command' | 'duplicate' | 'prefix'>

export interface TraceOptions {
  /** Name of this node. */
  readonly node: string
  /** Checkpoints kept, about; 0 turns the trace off. */
  readonly keep: number
  readonly clock: Clock
  /** Applied to every text before it is stored. */
  readonly mask: (text: string) => string
  /** Told how many checkpoints were dropped. */
  readonly onDropped?: (count: number) => void
}

/** The stations of every message, for `causeway trace` and the console. */
export interface Trace {
  /** Notes one station. Returns at once; a full buffer or a Redis out of reach drops it and counts. */
  note(messageId: string, checkpoint: CheckpointNote): void
  /** Checkpoints of a message or of a whole conversation, oldest first; at most `limit`. Looks at what is kept, newest first. */
  read(id: string, limit?: number): Promise<readonly Checkpoint[]>
  /** Checkpoints as they come, from now on, of every node, until `stop` fires. Uses a connection of its own. */
  follow(stop: AbortSignal): AsyncIterable<Checkpoint>
  /** Writes what is buffered; notes after it are dropped. */
  stop(): Promise<void>
}

const FLUSH_AFTER_MS = 100
/** So many packs are written before their time: what goes to Redis together costs one fsync. */
const FLUSH_AT = 16
/** About 5,000 checkpoints, while as many again are being written. */
const MAX_PACKS = 78
const MAX_ID = 256
const MAX_LINE = 1_000
const PAGE = 200
const READ_LIMIT = 1_000
const FOLLOW_BLOCK_MS = 1_000

/**
 * The trace is one Redis stream; an entry is a pack of up to 64 checkpoints with their node, so that a busy node makes some
 * hundred entries a second and not some ten thousand.
 */
export function createTrace({ command, duplicate, prefix }: TraceStore, options: TraceOptions): Trace {
  const key = `${prefix}:trace`
  const { clock, keep, mask, node } = options
  const dropped = (count: number) => options.onDropped?.(count)
  /** What waits to be written; the last one is being filled. */
  let packs: Pack[] = []
  let writing: Promise<void> | undefined
  let cancelFlush: (() => void) | undefined
  let stopped = keep === 0
  /** Checkpoints of an entry on average, so that trimming by entries keeps about `keep` checkpoints. */
  let packSize = 1

  async function writeAll(): Promise<void> {
    while (packs.length > 0) {
      const taken = packs
      packs = []
      await Promise.all(taken.map(write))
    }
  }

  async function write(pack: Pack): Promise<void> {
    packSize += (pack.count - packSize) / PACK
    try {
      const most = Math.ceil(keep / packSize)
      await command.xadd(key, 'MAXLEN', '~', most, '*', 'node', node, 'lines', packText(pack))
    } catch {
      dropped(pack.count) // the trace is a help, not a promise: a message never waits or fails for it
    }
  }

  /** A pack with room; undefined when too much waits already. */
  function open(): Pack | undefined {
    const last = packs.at(-1)
    if (last && last.count < PACK) return last
    if (packs.length >= MAX_PACKS) return undefined
    const fresh = emptyPack()
    packs.push(fresh)
    return fresh
  }

  function flush(): Promise<void> {
    cancelFlush?.()
    cancelFlush = undefined
    writing ??= writeAll().finally(() => {
      writing = undefined
    })
    return writing
  }

  return {
    note(messageId, { what, line, peer = '', direction = '', conversation = '' }) {
      if (keep === 0) return
      const pack = stopped ? undefined : open()
      if (pack === undefined) return dropped(1)
      const text = mask(line.slice(0, MAX_LINE))
      add(pack, messageId.slice(0, MAX_ID), clock.now(), what, text, mask(peer), direction, conversation)
      if (pack.count === PACK && packs.length >= FLUSH_AT) void flush()
      else cancelFlush ??= clock.after(FLUSH_AFTER_MS, () => void flush())
    },
    async read(id, limit = READ_LIMIT) {
      await flush()
      const messages = await messagesOf(command, key, id)
      const found: Checkpoint[] = []
      for await (const pack of pages(command, key)) {
        for (const checkpoint of pack.reverse()) {
          if (messages.has(checkpoint.messageId)) found.push(checkpoint)
          if (found.length >= limit) break
        }
        if (found.length >= limit) break
      }
      return found.reverse().sort((a, b) => a.at - b.at)
    },
    async *follow(stop) {
      const reader = duplicate('blocking')
      const end = () => reader.disconnect()
      stop.addEventListener('abort', end, { once: true })
      try {
        let after = '$'
        while (!stop.aborted) {
          const answer = await reader.xread('COUNT', PAGE, 'BLOCK', FOLLOW_BLOCK_MS, 'STREAMS', key, after)
          for (const [id, fields] of answer?.[0]?.[1] ?? []) {
            after = id
            yield* checkpointsOf(fields)
          }
        }
      } catch (error) {
        if (!stop.aborted) throw error
      } finally {
        stop.removeEventListener('abort', end)
        end()
      }
    },
    async stop() {
      stopped = true
      await flush()
    },
  }
}

/** The message itself, or those of a conversation: not every station of a message knows the conversation. */
async function messagesOf(client: RedisClient, key: string, id: string): Promise<ReadonlySet<string>> {
  const messages = new Set<string>([id])
  for await (const pack of pages(client, key)) {
    for (const { conversation, messageId } of pack) if (conversation === id) messages.add(messageId)
  }
  return messages
}

/** Packs of the stream, newest first. */
async function* pages(client: RedisClient, key: string): AsyncGenerator<Checkpoint[]> {
  let before = '+'
  for (;;) {
    const page = await client.xrevrange(key, before, '-', 'COUNT', PAGE)
    for (const [id, fields] of page) {
      yield checkpointsOf(fields)
      before = `(${id}`
    }
    if (page.length < PAGE) return
  }
}

/** Checkpoints of an entry, whose fields are `node` and `lines`; none of an entry that has others. */
function checkpointsOf([first, node = '', second, lines = '']: readonly string[]): Checkpoint[] {
  return first === 'node' && second === 'lines' ? unpack(lines, node) : []
}
