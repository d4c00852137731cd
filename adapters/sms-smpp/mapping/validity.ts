import type { OutboundMessage } from '../../contract/index.js'
import type { Account } from '../profile.js'

const two = (value: number) => (value < 10 ? `0${value}` : String(value))
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
export function validityPeriod(
  profile: Account['validity'],
  { expiresAt, deliverAt = 0 }: Times,
  schedule: Account['schedule'],
  now: number,
): string {
  if (profile.form === 'none') return ''
  // The longest life begins when it may arrive, or it would end before.
  const scheduled = schedule === 'none' ? 0 : Math.max(0, deliverAt - now)
  const wait = Math.max(1000, Math.min(expiresAt - now, profile.max + scheduled))
  return smppTime(scheduled > 0 ? formFor(profile.form, wait) : profile.form, wait, now)
}

/** schedule_delivery_time of a message that is to arrive at `deliverAt`; empty: at once. */
export function scheduleTime(form: Account['schedule'], deliverAt: number | undefined, now: number): string {
  if (form === 'none' || deliverAt === undefined || deliverAt <= now) return ''
  return smppTime(formFor(form, deliverAt - now), deliverAt - now, now)
}

type Times = Pick<OutboundMessage, 'expiresAt' | 'deliverAt'>

/** Cut to what a relative time can say, it would arrive too early. */
const formFor = (form: 'relative' | 'absolute', waitMs: number) => (waitMs > MOST_DAYS * DAY_MS ? 'absolute' : form)
