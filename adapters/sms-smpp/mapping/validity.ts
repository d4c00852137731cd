import type { Account } from '../profile.js'

const two = (value: number) => String(value).padStart(2, '0')
/** A relative time has two digits for days; with months left out this is the most that every centre reads alike. */
const MOST_DAYS = 28
const DAY_MS = 86_400_000

/** A time to come (SMPP 3.4 §7.1.1): `000003000000000R` is three days from now, `261231235959000+` an instant in UTC. */
function smppTime(form: 'relative' | 'absolute', waitMs: number, now: number): string {
  if (form === 'absolute') {
    const end = new Date(now + waitMs)
    const date = two(end.getUTCFullYear() % 100) + two(end.getUTCMonth() + 1) + two(end.getUTCDate())
    return `${date}${two(end.getUTCHours())}${two(end.getUTCMinutes())}${two(end.getUTCSeconds())}000+`
  }
  const seconds = Math.ceil(Math.min(waitMs, MOST_DAYS * DAY_MS) / 1000)
  const days = Math.floor(seconds / 86_400)
  const rest = `${two(Math.floor(seconds / 3600) % 24)}${two(Math.floor(seconds / 60) % 60)}${two(seconds % 60)}`
  return `0000${two(days)}${rest}000R`
}

/** validity_period of a message that ends at `expiresAt`; empty: the centre decides. Relative by default: it needs no equal clocks. */
export function validityPeriod(profile: Account['validity'], expiresAt: number, now: number): string {
  if (profile.form === 'none') return ''
  return smppTime(profile.form, Math.max(1000, Math.min(expiresAt - now, profile.max)), now)
}

/** schedule_delivery_time of a message that is to arrive at `deliverAt`; empty: at once. */
export function scheduleTime(form: Account['schedule'], deliverAt: number | undefined, now: number): string {
  if (form === 'none' || deliverAt === undefined || deliverAt <= now) return ''
  return smppTime(form, deliverAt - now, now)
}
