import type { AccountLinks } from './account.js'

/** FNV-1a, as a fraction between 0 and 1 (never either). */
function fraction(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  // The low bits of FNV are good, the high ones less so: mix them once more.
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d)
  hash ^= hash >>> 12
  return ((hash >>> 0) + 0.5) / 0x1_0000_0000
}

/**
 * The account a message to this recipient goes over: shares by weight, always the same one for a recipient while it can
 * send, so that his messages keep their order (weighted rendezvous hashing). An account that is down or pauses leaves its
 * share to the others; one of weight 0 serves only when no other can.
 */
export function chooseAccount(accounts: readonly AccountLinks[], recipient: string): AccountLinks | undefined {
  const [only, other] = accounts
  if (only && !other) return only.capacity() > 0 ? only : undefined
  const able = accounts.filter((account) => account.capacity() > 0)
  if (able.length < 2) return able[0]
  let best: AccountLinks | undefined
  let bestScore = -1
  for (const account of able) {
    const score = account.profile.weight / -Math.log(fraction(`${account.profile.name} ${recipient}`))
    if (score > bestScore) {
      best = account
      bestScore = score
    }
  }
  return best
}
