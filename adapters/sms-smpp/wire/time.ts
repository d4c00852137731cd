/** A time of SMPP (3.4 §7.1.1): a moment in ms since 1970, or a duration from when the peer reads it. */
export type SmppTime = { readonly at: number } | { readonly inMs: number }

const FORMAT = /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([+R-])$/
const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const QUARTER = 15 * MINUTE
/** Lengths the relative format leaves open; we neither need nor write more than 30 days. */
const MONTH = 30 * DAY
const YEAR = 365 * DAY

/** Reads `YYMMDDhhmmsstnnp`; undefined when it is not that. Years are 20YY. */
export function parseSmppTime(text: string): SmppTime | undefined {
  const match = FORMAT.exec(text)
  if (!match) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, tenth = 0, quarters = 0] = match
    .slice(1, 9)
    .map(Number)
  if (match[9] === 'R') {
    return { inMs: year * YEAR + month * MONTH + day * DAY + hour * HOUR + minute * MINUTE + second * SECOND }
  }
  const local = Date.UTC(2000 + year, month - 1, day, hour, minute, second, tenth * 100)
  return { at: local - (match[9] === '+' ? quarters : -quarters) * QUARTER }
}

/** Writes a duration, rounded up to seconds and at most 30 days, as relative time. */
export function formatRelativeTime(durationMs: number): string {
  const total = Math.min(Math.max(Math.ceil(durationMs / SECOND), 1), MONTH / SECOND)
  const days = Math.floor(total / 86_400)
  return `0000${two(days)}${two(Math.floor(total / 3600) % 24)}${two(Math.floor(total / 60) % 60)}${two(total % 60)}000R`
}

/** Writes a moment (ms since 1970, whole seconds) as absolute time in UTC. */
export function formatAbsoluteTime(at: number): string {
  const time = new Date(at)
  const date = `${two(time.getUTCFullYear() % 100)}${two(time.getUTCMonth() + 1)}${two(time.getUTCDate())}`
  return `${date}${two(time.getUTCHours())}${two(time.getUTCMinutes())}${two(time.getUTCSeconds())}000+`
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}
