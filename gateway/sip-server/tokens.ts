import { createHash, randomUUID } from 'node:crypto'

/** A From or To tag: 48 bits of chance (RFC 3261 §19.3 wants 32). */
export function newTag(): string {
  return randomUUID().slice(-12)
}

/** A Via branch with the magic cookie (RFC 3261 §8.1.1.7). */
export function newBranch(): string {
  return `z9hG4bK${randomUUID()}`
}

/** The same tag for every retransmission, where no transaction remembers it (RFC 3261 §8.2.7). */
export function statelessTag(branch: string): string {
  return createHash('sha1').update(branch).digest('hex').slice(0, 16)
}
