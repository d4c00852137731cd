import type { PresenceState } from '../cpm/presence.js'

/** What a device says. */
export interface Said {
  readonly state: PresenceState
  /** The document it said it in, where partial ones may follow (RFC 5264). */
  readonly document?: string
}

/** What one device has published (RFC 3903), plain JSON. */
export interface Publication extends Said {
  /** Stays the same over all its versions. */
  readonly id: string
  readonly etag: string
  readonly expiresAt: number
  /** When its state was last said, ms since 1970. */
  readonly saidAt: number
}

export interface PublishRequest {
  /** SIP-If-Match. */
  readonly etag?: string
  /** Life granted, seconds; 0 removes. */
  readonly seconds: number
  /** What it says now, after what it said before; or why that cannot be. Absent: it stays as it is. Pure. */
  readonly said?: (before: Said | undefined) => Said | { readonly fault: string }
}

export type PublishOutcome =
  | { readonly kind: 'taken'; readonly etag: string; readonly changed: boolean }
  | { readonly kind: 'unknown' | 'empty' | 'too-many' }
  | { readonly kind: 'unfit'; readonly said: string }

/** Publications of one user at once. */
const MAX_PUBLICATIONS = 16

/** What a PUBLISH makes of a user's publications (RFC 3903 §6). `fresh` are new random names. Pure. */
export function publish(
  publications: readonly Publication[],
  { etag, seconds, said }: PublishRequest,
  fresh: { readonly id: string; readonly etag: string },
  now: number,
): { readonly next: readonly Publication[]; readonly result: PublishOutcome } {
  const living = publications.filter(({ expiresAt }) => expiresAt > now)
  const unchanged = (result: PublishOutcome) => ({ next: living, result })
  const known = etag === undefined ? undefined : living.find((each) => each.etag === etag)
  if (etag !== undefined && !known) return unchanged({ kind: 'unknown' })
  const others = living.filter((each) => each !== known)
  const taken = (changed: boolean): PublishOutcome => ({ kind: 'taken', etag: fresh.etag, changed })
  if (seconds === 0) return { next: others, result: taken(known !== undefined) }
  const expiresAt = now + seconds * 1000
  if (known && !said) {
    const refreshed = { ...known, etag: fresh.etag, expiresAt }
    return { next: living.map((each) => (each === known ? refreshed : each)), result: taken(false) }
  }
  if (!said) return unchanged({ kind: 'empty' })
  if (others.length >= MAX_PUBLICATIONS) return unchanged({ kind: 'too-many' })
  const content = said(known)
  if ('fault' in content) return unchanged({ kind: 'unfit', said: content.fault })
  const made: Publication = { id: known?.id ?? fresh.id, etag: fresh.etag, expiresAt, saidAt: now, ...content }
  return { next: known ? living.map((each) => (each === known ? made : each)) : [...living, made], result: taken(true) }
}
