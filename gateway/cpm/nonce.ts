import { createHmac, timingSafeEqual } from 'node:crypto'

/** A nonce that needs no memory: time of issue, salt, and an HMAC over both (RFC 7616 §3.3 leaves the form to the server). */
const NONCE = /^([0-9a-z]{1,10})\.([0-9a-f]{16})\.([0-9a-f]{32})$/

/** A nonce issued at `at`, ms since 1970; `salt` is 16 random hex digits. */
export function makeNonce(secret: string, at: number, salt: string): string {
  const text = `${at.toString(36)}.${salt}`
  return `${text}.${mac(secret, text)}`
}

/** When the nonce was issued, or undefined when it is not one of ours. */
export function nonceTime(secret: string, nonce: string): number | undefined {
  const [, time, salt, given] = NONCE.exec(nonce) ?? []
  if (time === undefined || given === undefined) return undefined
  const ours = timingSafeEqual(Buffer.from(given), Buffer.from(mac(secret, `${time}.${salt}`)))
  return ours ? Number.parseInt(time, 36) : undefined
}

/** Nonce counts already used (RFC 7616 §3.4.5), for a bounded number of nonces. */
export interface NonceCounts {
  /** False when this count, or a higher one, was used, or when that can no longer be known. */
  use(nonce: string, issuedAt: number, count: number): boolean
}

/** What is forgotten is not forgiven: a nonce as old as a forgotten one is no longer taken. */
export function createNonceCounts(capacity: number): NonceCounts {
  const highest = new Map<string, { readonly count: number; readonly issuedAt: number }>()
  let forgottenUntil = Number.NEGATIVE_INFINITY
  return {
    use(nonce, issuedAt, count) {
      const last = highest.get(nonce)
      if (last === undefined && issuedAt <= forgottenUntil) return false
      if (count <= (last?.count ?? 0)) return false
      highest.delete(nonce)
      highest.set(nonce, { count, issuedAt })
      if (highest.size > capacity) {
        const [oldest] = highest
        if (oldest) {
          highest.delete(oldest[0])
          forgottenUntil = Math.max(forgottenUntil, oldest[1].issuedAt)
        }
      }
      return true
    },
  }
}

function mac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('hex').slice(0, 32)
}
