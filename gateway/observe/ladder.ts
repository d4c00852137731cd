import type { Checkpoint } from './checkpoint.js'

const WIDTH = 100
const TIME_WIDTH = 13
/** Columns between two participants: of few, so that there is room for what was said; of many, what fits. */
const GAP = 14
const LADDER_WIDTH = 44
const GATEWAY = 'Causeway'
/** More participants than this on one side share the last column. */
const MAX_SIDE = 2
/** What one checkpoint says goes on for so many lines at most. */
const MAX_LINES = 4
const INCOMING = new Set(['received', 'answered', 'reported'])

/**
 * Draws what happened to a message as a sequence ladder: devices and the core to the left of the gateway, services to
 * its right, time downwards, and beside each step what was said, at most 100 columns wide. Times are UTC.
 */
export function ladder(checkpoints: readonly Checkpoint[]): string {
  const names = columnNames(checkpoints)
  const gap = Math.min(GAP, Math.floor(LADDER_WIDTH / Math.max(1, names.length - 1)))
  const columns = names.map((name, index) => ({ name, at: TIME_WIDTH + 2 + index * gap }))
  const gatewayAt = columns.find(({ name }) => name === GATEWAY)?.at ?? TIME_WIDTH
  const textAt = (columns.at(-1)?.at ?? TIME_WIDTH) + 3
  const bars = () => columns.reduce((row, { at }) => row.put(at, '│'), new Row())

  const heading = new Row()
  for (const { name, at } of columns) {
    const shown = clip(name, gap - 2)
    heading.put(Math.max(0, at - Math.floor(shown.length / 2)), shown)
  }
  const rows = checkpoints.flatMap((checkpoint) => {
    const [first = '', ...more] = wrap(saidIn(checkpoint), WIDTH - textAt)
    const row = bars().put(0, new Date(checkpoint.at).toISOString().slice(11, 23)).put(textAt, first)
    const peerAt = columns.find(({ name }) => name === columnOf(checkpoint, names))?.at ?? gatewayAt
    if (peerAt === gatewayAt) row.put(gatewayAt, '●')
    else {
      const incoming = (checkpoint.direction ?? (INCOMING.has(checkpoint.what) ? 'in' : 'out')) === 'in'
      const left = Math.min(peerAt, gatewayAt)
      row.put(left + 1, arrow(Math.abs(peerAt - gatewayAt) - 1, incoming === peerAt < gatewayAt))
    }
    return [row, ...more.map((text) => bars().put(textAt, text))]
  })
  return [heading, ...rows].map(String).join('\n')
}

/** The line of a checkpoint; where nobody else is involved or it is bad news, what it is goes before. */
function saidIn(checkpoint: Checkpoint): string {
  const { what, line } = checkpoint
  const text = oneLine(line)
  if (peerName(checkpoint) === undefined || what === 'refused' || text === '') return `${what} ${text}`.trim()
  return text
}

function columnNames(checkpoints: readonly Checkpoint[]): string[] {
  const names = [...new Set(checkpoints.flatMap((checkpoint) => peerName(checkpoint) ?? []))]
  const left = names.filter(isLeft)
  const known = left.filter((name) => name !== 'device')
  // A bare `device` is the one already on the page.
  return [
    ...(known.length > 0 ? known : left).slice(0, MAX_SIDE),
    GATEWAY,
    ...names.filter((name) => !isLeft(name)).slice(0, MAX_SIDE),
  ]
}

function columnOf(checkpoint: Checkpoint, names: readonly string[]): string {
  const name = peerName(checkpoint)
  if (name === undefined) return GATEWAY
  if (names.includes(name)) return name
  const side = names.filter((other) => other !== GATEWAY && isLeft(other) === isLeft(name))
  return side.at(-1) ?? GATEWAY
}

/** `device sip:alice@cpm.example` is shown as `device alice`. */
const peerName = ({ peer }: Checkpoint): string | undefined =>
  peer === undefined ? undefined : oneLine(peer).replace(/^device (?:sips?:|tel:)?([^@;]+).*$/, 'device $1')

const isLeft = (name: string): boolean => name === 'core' || name.startsWith('device')

const arrow = (width: number, toTheRight: boolean): string =>
  toTheRight ? `${'─'.repeat(width - 1)}>` : `<${'─'.repeat(width - 1)}`

/** Breaks between words, and within one that is longer than a line; what is beyond the last line is cut. */
function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > width && lines.length < MAX_LINES - 1) {
    const space = rest.lastIndexOf(' ', width)
    const end = space > 0 ? space : width
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...lines, clip(rest, width)]
}

const clip = (text: string, width: number): string =>
  text.length > width ? `${text.slice(0, Math.max(0, width - 1))}…` : text

/** What a peer said must not move the cursor of a terminal. */
const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim()

/** A line of text to write into at any column. */
class Row {
  #text = ''

  put(at: number, text: string): this {
    this.#text = `${this.#text.padEnd(at).slice(0, at)}${text}${this.#text.slice(at + text.length)}`
    return this
  }

  toString(): string {
    return this.#text.trimEnd()
  }
}
