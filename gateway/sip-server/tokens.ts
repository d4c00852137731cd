import { createHash, randomFillSync } from 'node:crypto'

/** Octets of chance for many tokens, because fetching them is what costs. */
const chance = Buffer.alloc(4096)
let used = chance.length

/** A From or To tag: 48 bits of chance (RFC 3261 §19.3 wants 32). */
export function newTag(): string {
  return randomHex(6)
}

/** A Via branch with the magic cookie (RFC 3261 §8.1.1.7). */
export function newBranch(): string {
  return `z9hG4bK${randomHex(16)}`
}

/** A Call-ID: 128 bits of chance (RFC 3261 §8.1.1.4). */
export function newCallId(): string {
  return randomHex(16)
}

/** The same tag for every retransmission, where no transaction remembers it (RFC 3261 §8.2.7). */
export function statelessTag(branch: string): string {
  return createHash('sha1').update(branch).digest('hex').slice(0, 16)
}

function randomHex(octets: number): string {
  if (used + octets > chance.length) {
    randomFillSync(chance)
    used = 0
  }
  used += octets
  return chance.toString('hex', used - octets, used)
}
