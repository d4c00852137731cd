import type { Languages } from './gsm.js'

/** Information elements of a user data header we read (3GPP TS 23.040 §9.2.3.24). */
const CONCAT_8 = 0x00
const PORTS_8 = 0x04
const PORTS_16 = 0x05
const CONCAT_16 = 0x08
const SINGLE_SHIFT = 0x24
const LOCKING_SHIFT = 0x25

export interface InformationElement {
  readonly id: number
  readonly data: Buffer
}

/** Which part of which joined message this is. */
export interface Concatenation {
  readonly kind: 'udh8' | 'udh16' | 'sar'
  readonly reference: number
  readonly total: number
  readonly sequence: number
}

export interface UserDataHeader {
  /** Length in octets, its own length octet included: the text starts there. */
  readonly octets: number
  readonly elements: readonly InformationElement[]
  readonly concatenation?: Concatenation
  readonly ports?: { readonly destination: number; readonly source: number }
  readonly languages: Languages
  /** False when an element ran over the end; those before it count. */
  readonly whole: boolean
}

/** Reads the header at the start of a message. Undefined when it is longer than the message: then there is none. */
export function parseUdh(message: Buffer): UserDataHeader | undefined {
  const length = message[0]
  if (length === undefined || 1 + length > message.length) return undefined
  const end = 1 + length
  const elements: InformationElement[] = []
  let at = 1
  let whole = true
  while (at < end) {
    const next = at + 2 + (message[at + 1] ?? 0)
    if (at + 2 > end || next > end) {
      whole = false
      break
    }
    elements.push({ id: message[at] as number, data: message.subarray(at + 2, next) })
    at = next
  }
  return { octets: end, elements, whole, ...interpret(elements) }
}

/** Meaning of the elements; those of a wrong size are passed over, of two the later counts (§9.2.3.24). */
function interpret(
  elements: readonly InformationElement[],
): Pick<UserDataHeader, 'concatenation' | 'ports' | 'languages'> {
  let concatenation: Concatenation | undefined
  let ports: UserDataHeader['ports']
  let locking = 0
  let single = 0
  for (const { id, data } of elements) {
    const [a = 0, b = 0, c = 0, d = 0] = data
    if (id === CONCAT_8 && data.length === 3) concatenation = { kind: 'udh8', reference: a, total: b, sequence: c }
    else if (id === CONCAT_16 && data.length === 4) {
      concatenation = { kind: 'udh16', reference: (a << 8) | b, total: c, sequence: d }
    } else if (id === PORTS_8 && data.length === 2) ports = { destination: a, source: b }
    else if (id === PORTS_16 && data.length === 4) ports = { destination: (a << 8) | b, source: (c << 8) | d }
    else if (id === SINGLE_SHIFT && data.length === 1) single = a
    else if (id === LOCKING_SHIFT && data.length === 1) locking = a
  }
  return { ...(concatenation && { concatenation }), ...(ports && { ports }), languages: { locking, single } }
}

const NO_HEADER = Buffer.alloc(0)

/** Writes a header; empty when there is nothing to put in it. */
export function buildUdh(elements: readonly InformationElement[]): Buffer {
  if (elements.length === 0) return NO_HEADER
  const body = Buffer.concat(elements.flatMap(({ id, data }) => [Buffer.from([id, data.length]), data]))
  return Buffer.concat([Buffer.from([body.length]), body])
}

/** The element that joins parts; an 8-bit reference is cut to its low octet. */
export function concatenationElement(kind: 'udh8' | 'udh16', reference: number, total: number, sequence: number) {
  const low = reference & 0xff
  return kind === 'udh8'
    ? { id: CONCAT_8, data: Buffer.from([low, total, sequence]) }
    : { id: CONCAT_16, data: Buffer.from([(reference >> 8) & 0xff, low, total, sequence]) }
}

/** The elements that name national languages; none for the default. */
export function languageElements({ locking, single }: Languages): InformationElement[] {
  const elements: InformationElement[] = []
  if (single !== 0) elements.push({ id: SINGLE_SHIFT, data: Buffer.from([single]) })
  if (locking !== 0) elements.push({ id: LOCKING_SHIFT, data: Buffer.from([locking]) })
  return elements
}

/** COMPAT: some peers forget UDHI. Whether a message starts with exactly the header of a part. */
export function startsLikeConcatenation(message: Buffer): boolean {
  const start = message.toString('hex', 0, 3)
  if (start !== '050003' && start !== '060804') return false
  const part = parseUdh(message)?.concatenation
  return part !== undefined && isValidConcatenation(part)
}

/** Part numbers run from 1 to the total. */
export function isValidConcatenation({ total, sequence }: Concatenation): boolean {
  return sequence >= 1 && sequence <= total
}
