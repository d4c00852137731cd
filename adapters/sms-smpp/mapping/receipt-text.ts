import { readDataCoding } from '../wire/alphabet.js'

/** Fields of a receipt text by their label; absent when the label is, empty when nothing stood behind it. */
export type ReceiptText = Partial<Readonly<Record<Label, string>>>
type Label = 'id' | 'sub' | 'dlvrd' | 'submit date' | 'done date' | 'stat' | 'err' | 'text'

/** How peers spell the labels, in lower case (SMPP 3.4 appendix B). */
const LABELS: ReadonlyMap<string, Label> = new Map([
  ['id', 'id'],
  ['sub', 'sub'],
  ['dlvrd', 'dlvrd'],
  ['submit date', 'submit date'],
  ['submit_date', 'submit date'],
  ['submitdate', 'submit date'],
  ['done date', 'done date'],
  ['done_date', 'done date'],
  ['donedate', 'done date'],
  ['stat', 'stat'],
  ['status', 'stat'],
  ['err', 'err'],
  ['error', 'err'],
  ['text', 'text'],
])

/**
 * Reads the fields of a receipt text, in any order; the first of a kind counts, and `text` takes the rest. A label stands
 * before a colon, blanks between them or not, and at the start or after a blank or separator.
 */
export function parseReceiptText(text: string): ReceiptText {
  const fields: Partial<Record<Label, string>> = {}
  let label: Label | undefined
  let from = 0
  let before = 0
  for (let colon = text.indexOf(':'); colon >= 0 && label !== 'text'; colon = text.indexOf(':', colon + 1)) {
    const end = beforeBlanks(text, before, colon)
    const start = labelStart(text, before, end)
    before = colon + 1
    const next = isFree(text, start) ? labelOf(text.slice(start, end)) : undefined
    if (next === undefined) continue
    if (label !== undefined) fields[label] ??= trimmed(text, from, start - 1)
    label = next
    from = colon + 1
  }
  if (label !== undefined) fields[label] ??= trimmed(text, from, text.length)
  return fields
}

/** The case of its letters means nothing. */
const labelOf = (word: string): Label | undefined => LABELS.get(word) ?? LABELS.get(word.toLowerCase())

function beforeBlanks(text: string, from: number, to: number): number {
  let end = to
  while (end > from && (text.charAt(end - 1) === ' ' || text.charAt(end - 1) === '\t')) end -= 1
  return end
}

/** Where the label that ends at `end` would begin; of all labels only dates have two words. */
function labelStart(text: string, from: number, end: number): number {
  const start = wordStart(text, from, end)
  const isDate = text.charAt(start - 1) === ' ' && text.slice(start, end).toLowerCase() === 'date'
  return isDate ? wordStart(text, from, start - 1) : start
}

function wordStart(text: string, from: number, end: number): number {
  let start = end
  while (start > from && isWordCode(text.charCodeAt(start - 1))) start -= 1
  return start
}

/** a to z, A to Z, and the underscore. */
const isWordCode = (code: number): boolean => ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a) || code === 0x5f

const SEPARATOR = /[\s;,]/

/** Whether a label may begin here. */
function isFree(text: string, start: number): boolean {
  const before = text.charAt(start - 1)
  return start === 0 || before === ' ' || SEPARATOR.test(before)
}

/** Writes a receipt text. Times are ms since 1970, written in UTC to the minute; `text` is cut to its beginning. */
export function receiptText(receipt: {
  readonly id: string
  readonly stat: string
  readonly submittedAt?: number
  readonly doneAt: number
  readonly text: string
}): string {
  const { id, stat, submittedAt, doneAt, text } = receipt
  const delivered = stat === 'DELIVRD'
  const submitted = submittedAt === undefined ? '' : `submit date:${minute(submittedAt)} `
  const err = delivered || stat === 'ENROUTE' ? '000' : '001'
  return (
    `id:${id} sub:001 dlvrd:${delivered ? '001' : '000'} ${submitted}done date:${minute(doneAt)} ` +
    `stat:${stat} err:${err} text:${text.slice(0, 20)}`
  )
}

const MINUTE_MS = 60_000
let lastMinute = { number: Number.NaN, text: '' }

/** YYMMDDhhmm in UTC; most are those of the last one. */
function minute(at: number): string {
  const number = Math.floor(at / MINUTE_MS)
  if (number !== lastMinute.number) {
    lastMinute = { number, text: new Date(at).toISOString().replace(/\D/g, '').slice(2, 12) }
  }
  return lastMinute.text
}

const EDGE = new Set(' \t\r\n\0;,')

/** A stretch of the text without the blanks and separators around it. Linear, however many there are. */
function trimmed(text: string, from: number, to: number): string {
  let [start, end] = [from, to]
  while (start < end && EDGE.has(text.charAt(start))) start += 1
  while (end > start && EDGE.has(text.charAt(end - 1))) end -= 1
  return text.slice(start, end)
}

/** Receipts are ASCII whatever data_coding says, but for those that really are UTF-16: every other octet is 00. */
export function receiptCharacters(octets: Buffer, dataCoding: number): string {
  if (readDataCoding(dataCoding).alphabet === 'ucs2' && octets.length >= 4) {
    if (octets[0] === 0 && octets[2] === 0) {
      return Buffer.from(octets.subarray(0, octets.length & ~1))
        .swap16()
        .toString('utf16le')
    }
    if (octets[1] === 0 && octets[3] === 0) return octets.toString('utf16le')
  }
  return octets.toString('latin1')
}

/**
 * A date of a receipt as ms since 1970: YYMMDDhhmm, with ss, with a four-digit year, or Unix seconds, with or without
 * separators. Undefined when it is none of these.
 */
export function parseReceiptDate(text: string, timeZone: string): number | undefined {
  const digits = text.replace(/\D/g, '')
  if (digits.length !== 10 && digits.length !== 12 && digits.length !== 14) return undefined
  const local = localTime(digits, digits.length === 14 ? 4 : 2)
  if (local === undefined) return digits.length === 10 ? Number(digits) * 1000 : undefined
  return local - zoneOffsetMs(local, timeZone)
}

/** YYMMDDhhmm[ss], or with as many digits of the year, as if it were UTC; undefined when there is no such time. */
function localTime(digits: string, yearDigits: number): number | undefined {
  const at = (place: number) => Number(digits.slice(yearDigits + place, yearDigits + place + 2))
  const year = Number(digits.slice(0, yearDigits)) + (yearDigits === 2 ? 2000 : 0)
  const month = at(0)
  const day = at(2)
  const hour = at(4)
  const minute = at(6)
  const second = at(8)
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return undefined
  const isInMonth = Date.UTC(year, month - 1, day) < Date.UTC(year, month)
  return isInMonth ? Date.UTC(year, month - 1, day, hour, minute, second) : undefined
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** How far a zone (of the configuration) is ahead of UTC at a local time. */
function zoneOffsetMs(local: number, timeZone: string): number {
  if (timeZone === 'UTC') return 0
  let format = formats.get(timeZone)
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
    formats.set(timeZone, format)
  }
  const offsetAt = (time: number): number => {
    const part = Object.fromEntries(
      (format as Intl.DateTimeFormat).formatToParts(time).map((p) => [p.type, Number(p.value)]),
    )
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
    return Date.UTC(year, month - 1, day, hour, minute, second) - time
  }
  // The offset just found may be that of the other side of a change of the clocks.
  return offsetAt(local - offsetAt(local))
}
