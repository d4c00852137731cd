import type { Checkpoint, CheckpointName } from './checkpoint.js'

/**
 * Checkpoints of one entry of the trace. Each is seven lines: messageId, at, what, line, peer, direction, conversation; an
 * empty one says nothing. JSON would take twice the memory, for several of them with each message.
 */
export interface Pack {
  /** With room for a whole pack from the start. */
  readonly lines: string[]
  count: number
}

/** Checkpoints of one entry at most. */
export const PACK = 64
const LINES = 7

export const emptyPack = (): Pack => ({ lines: new Array<string>(PACK * LINES), count: 0 })

/** Adds a checkpoint to a pack that is not full. `at`: ms since 1970. */
export function add(
  pack: Pack,
  messageId: string,
  at: number,
  what: CheckpointName,
  line: string,
  peer: string,
  direction: string,
  conversation: string,
): void {
  const { lines } = pack
  const start = pack.count * LINES
  lines[start] = oneLine(messageId)
  lines[start + 1] = String(at)
  lines[start + 2] = what
  lines[start + 3] = oneLine(line)
  lines[start + 4] = oneLine(peer)
  lines[start + 5] = direction
  lines[start + 6] = oneLine(conversation)
  pack.count += 1
}

const oneLine = (text: string): string => (text.includes('\n') ? text.replaceAll('\n', ' ') : text)

/** A pack as it is kept. */
export function packText({ lines, count }: Pack): string {
  return (count === PACK ? lines : lines.slice(0, count * LINES)).join('\n')
}

/** What `packText` has written of checkpoints of a node; what is cut off is left out. */
export function unpack(text: string, node: string): Checkpoint[] {
  const lines = text.split('\n')
  return Array.from({ length: Math.floor(lines.length / LINES) }, (_, index) =>
    checkpointOf(lines.slice(index * LINES, (index + 1) * LINES), node),
  )
}

function checkpointOf(
  [messageId = '', at, what, line = '', peer = '', direction = '', conversation = '']: readonly string[],
  node: string,
): Checkpoint {
  return {
    messageId,
    at: Number(at),
    node,
    what: what as CheckpointName,
    line,
    ...(peer !== '' && { peer }),
    ...(direction !== '' && { direction: direction as 'in' | 'out' }),
    ...(conversation !== '' && { conversation }),
  }
}
