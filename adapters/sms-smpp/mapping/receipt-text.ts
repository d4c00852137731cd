import { readDataCoding } from '../wire/alphabet.js'

/** Fields of a receipt text by their label; absent when the label is, empty when nothing stood behind it. */
export type ReceiptText = Partial<Readonly<Record<Label, string>>>
type Label = 'id' | 'sub' | 'dlvrd' | 'submit date' | 'done date' | 'stat' | 'err' | 'text'

/** Labels stand at the start or after a blank or separator; peers vary the spelling (SMPP 3.4 appendix B). */
const LABEL = /(?:^|[\s;,])(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat(?:us)?|err(?:or)?|text)[ \t]*:/gi

const SPELLINGS: Readonly<Record<string, Label>> = {
  submitdate: 'submit date',
  donedate: 'done date',
  status: 'stat',
  error: 'err',
}

/** Reads the fields of a receipt text, in any order; the first of a kind counts, and `text` takes the rest. */
export function parseReceiptText(text: string): ReceiptText {
  const fields: Partial<Record<Label, string>> = {}
  let label: Label | undefined
  let from = 0
  const close = (to: number) => {
    if (label !== undefined) fields[label] ??= trimmed(text, from, to)
  }
  for (const match of text.matchAll(LABEL)) {
    close(match.index)
    const spelling = (match[1] ?? '').toLowerCase()
    label = SPELLINGS[spelling.replace(/[ _]/, '')] ?? (spelling as Label)
    from = match.index + match[0].length
    if (label === 'text') break
  }
  close(text.length)
  return fields
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

/** YYMMDDhhmm in UTC. */
const minute = (at: number) => new Date(at).toISOString().replace(/\D/g, '').slice(2, 12)

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
  const century = digits.length === 14 ? '' : '20'
  const local = localTime(century + digits)
  if (local === undefined) return digits.length === 10 ? Number(digits) * 1000 : undefined
  return local - zoneOffsetMs(local, timeZone)
}

/** YYYYMMDDhhmm[ss] as if it were UTC; undefined when there is no such time. */
function localTime(digits: string): number | undefined {
  const at = (from: number, length = 2) => Number(digits.slice(from, from + length))
  const [month, day, hour, minute, second] = [at(4), at(6), at(8), at(10), at(12)]
  if (hour > 23 || minute > 59 || second > 59) return undefined
  const time = Date.UTC(at(0, 4), month - 1, day, hour, minute, second)
  const back = new Date(time)
  return back.getUTCMonth() === month - 1 && back.getUTCDate() === day ? time : undefined
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
