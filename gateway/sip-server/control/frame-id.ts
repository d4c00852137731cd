import { randomUUID } from 'node:crypto'

/** All but the last group, which counts. */
const BEGINNING = randomUUID().slice(0, 24)
const LAST_GROUP = 12
let frames = 0
/** Zeros before the number, one less from here on. */
let zeros = '0'.repeat(LAST_GROUP - 1)
let fewerFrom = 10

/** Names a frame of the server, or a transaction to its clients: unique is enough, and a UUID made by chance would cost more than the rest of the frame. */
export function frameId(): string {
  frames += 1
  if (frames === fewerFrom) {
    zeros = zeros.slice(1)
    fewerFrom *= 10
  }
  return `${BEGINNING}${zeros}${frames}`
}
