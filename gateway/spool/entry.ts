import type { SpoolItem } from './spool.js'

/** An item in a lane's stream, taken by this node. */
export interface Entry<Payload = unknown> {
  /** Its id in the stream. */
  readonly id: string
  readonly item: SpoolItem<Payload>
  /** Length of the item as JSON. */
  readonly characters: number
  /** Times it was handed over, with this one. */
  readonly deliveries: number
}

export interface ClaimedPage<Payload> {
  /** Where the next page begins; undefined at the end. */
  readonly next: string | undefined
  readonly entries: readonly Entry<Payload>[]
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value)

/** Answer of the scripts CLAIM and SWEEP. */
export function claimedPage<Payload>(reply: unknown): ClaimedPage<Payload> {
  const [next, ...rest] = isList(reply) ? reply : []
  const entries: Entry<Payload>[] = []
  for (let i = 0; i + 2 < rest.length; i += 3) {
    entries.push(entryOf<Payload>(rest[i], rest[i + 2], Number(rest[i + 1])))
  }
  return { next: next ? String(next) : undefined, entries }
}

/** Answer of XREADGROUP for one stream: `[[stream, [[id, ['i', item, 'x', expiresAt]], …]]]`, or null. */
export function readEntries<Payload>(reply: unknown): readonly Entry<Payload>[] {
  const stream = isList(reply) ? reply[0] : undefined
  const found = isList(stream) ? stream[1] : undefined
  return isList(found) ? found.flatMap((one) => readEntry<Payload>(one, 1)) : []
}

/** One element of XRANGE, XCLAIM or XREADGROUP; nothing when the entry was deleted meanwhile. */
export function readEntry<Payload>(found: unknown, deliveries: number): Entry<Payload>[] {
  const [id, fields] = isList(found) ? found : []
  if (!isList(fields)) return []
  return [entryOf<Payload>(id, fields[1], deliveries)]
}

/** Items are written by the spool only, as JSON of a SpoolItem. */
function entryOf<Payload>(id: unknown, json: unknown, deliveries: number): Entry<Payload> {
  const text = String(json)
  return { id: String(id), deliveries, characters: text.length, item: JSON.parse(text) as SpoolItem<Payload> }
}
