import type { Account } from '../profile.js'

const two = (value: number) => String(value).padStart(2, '0')
/** A relative time has two digits for days; with months left out this is the most that every centre reads alike. */
const MOST_DAYS = 28
const DAY_MS = 86_400_000

/**
 * validity_period of a message that ends at `expiresAt` (SMPP 3.4 §7.1.1): `000003000000000R` is three days from now,
 * `261231235959000+` an instant in UTC; empty: the centre decides. Relative by default: it needs no equal clocks.
 */
export function validityPeriod(profile: Account['validity'], expiresAt: number, now: number): string {
  if (profile.form === 'none') return ''
  const lifeMs = Math.max(1000, Math.min(expiresAt - now, profile.max))
  if (profile.form === 'absolute') {
    const end = new Date(now + lifeMs)
    const date = two(end.getUTCFullYear() % 100) + two(end.getUTCMonth() + 1) + two(end.getUTCDate())
    return `${date}${two(end.getUTCHours())}${two(end.getUTCMinutes())}${two(end.getUTCSeconds())}000+`
  }
  const seconds = Math.ceil(Math.min(lifeMs, MOST_DAYS * DAY_MS) / 1000)
  const days = Math.floor(seconds / 86_400)
  const rest = `${two(Math.floor(seconds / 3600) % 24)}${two(Math.floor(seconds / 60) % 60)}${two(seconds % 60)}`
  return `0000${two(days)}${rest}000R`
}
