/** As ECMAScript has it, too: most are so. */
const plain = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/
const rfc3339 = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:?\d\d)$/

/** Milliseconds since 1970 of an RFC 3339 date and time, with or without fraction; undefined when it is none. */
export function parseDateTime(text: string): number | undefined {
  const at = Date.parse(plain.test(text) ? text : inPlain(text))
  return Number.isNaN(at) ? undefined : at
}

/** Empty when it is none. */
function inPlain(text: string): string {
  const parts = rfc3339.exec(text)
  if (parts === null) return ''
  const [, date, time, fraction = '', zone = 'Z'] = parts
  const offset = zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone.toUpperCase()
  return `${date}T${time}${fraction.slice(0, 4)}${offset}`
}

/** RFC 3339 with milliseconds, in UTC. */
export const buildDateTime = (at: number): string => new Date(at).toISOString()
