import { randomUUID } from 'node:crypto'

/** All but the last group, which counts. */
const BEGINNING = randomUUID().slice(0, 24)
const LAST_GROUP = 12
let frames = 0
/** What stands before the number: a zero less each time it becomes longer. */
let lead = BEGINNING + '0'.repeat(LAST_GROUP - 1)
let longerFrom = 10

/** Names a frame of the server, or a transaction to its clients: unique is enough, and a UUID made by chance would cost more than the rest of the frame. */
export function frameId(): string {
  frames += 1
  if (frames === longerFrom) {
    lead = lead.slice(0, -1)
    longerFrom *= 10
  }
  return lead + frames
}
