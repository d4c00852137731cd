import type { Checkpoint } from './checkpoint.js'

const WIDTH = 100
const TIME_WIDTH = 13
const MAX_GAP = 40
const GATEWAY = 'Causeway'
/** More participants than this on one side share the last column. */
const MAX_SIDE = 2
const INCOMING = new Set(['received', 'answered', 'reported'])

/**
 * Draws what happened to a message as a sequence ladder: devices and the core to the left of the gateway, services to
 * its right, time downwards, one line for each checkpoint, at most 100 columns. Times are UTC.
 */
export function ladder(checkpoints: readonly Checkpoint[]): string {
  const names = columnNames(checkpoints)
  const gap = Math.min(MAX_GAP, Math.floor((WIDTH - TIME_WIDTH - 6) / Math.max(1, names.length - 1)))
  const columns = names.map((name, index) => ({ name, at: TIME_WIDTH + 2 + index * gap }))
  const gatewayAt = columns.find(({ name }) => name === GATEWAY)?.at ?? TIME_WIDTH

  const heading = new Row()
  for (const { name, at } of columns) {
    const shown = clip(name, gap - 2)
    heading.put(Math.max(0, Math.min(at - Math.floor(shown.length / 2), WIDTH - shown.length)), shown)
  }
  const rows = checkpoints.map((checkpoint) => {
    const row = new Row().put(0, new Date(checkpoint.at).toISOString().slice(11, 23))
    for (const { at } of columns) row.put(at, '│')
    const peerAt = columns.find(({ name }) => name === columnOf(checkpoint, names))?.at ?? gatewayAt
    if (peerAt === gatewayAt) {
      const text = oneLine(`${checkpoint.what} ${checkpoint.line}`)
      return row.put(gatewayAt, `├ ${clip(text, WIDTH - gatewayAt - 2)}`)
    }
    const text = oneLine(checkpoint.line) || checkpoint.what
    const incoming = (checkpoint.direction ?? (INCOMING.has(checkpoint.what) ? 'in' : 'out')) === 'in'
    const left = Math.min(peerAt, gatewayAt)
    return row.put(left + 1, arrow(text, Math.abs(peerAt - gatewayAt) - 1, incoming === peerAt < gatewayAt))
  })
  return [heading, ...rows].map(String).join('\n')
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

function arrow(text: string, width: number, toTheRight: boolean): string {
  const label = ` ${clip(text, width - 6)} `
  const line = `──${label}`.padEnd(width - 1, '─')
  return toTheRight ? `${line}>` : `<${line}`
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
