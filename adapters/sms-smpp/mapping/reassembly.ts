import { createHash } from 'node:crypto'
import type { Languages } from '../wire/gsm.js'
import type { Concatenation } from '../wire/udh.js'

/** One part of a joined message. `about` is the caller's own, plain JSON; that of the first part to come is kept. */
export interface Part<About> {
  /** Equal for the parts of one message; see `partKey`. */
  readonly key: string
  /** Who sends it, as the centre writes him. */
  readonly source: string
  readonly total: number
  readonly sequence: number
  readonly octets: Buffer
  readonly dataCoding: number
  readonly languages: Languages
  readonly about: About
}

export interface ReassemblyBounds {
  /** Wait for missing parts, from the first one that came. */
  readonly timeoutMs: number
  /** How long repeated parts of a finished message are recognised. */
  readonly rememberMs: number
  /** Messages waiting for parts at most; the oldest one of the source that has most of them gives way. */
  readonly maxOpen: number
}

export const DEFAULT_BOUNDS: ReassemblyBounds = { timeoutMs: 300_000, rememberMs: 600_000, maxOpen: 50 }

/** Plain JSON. */
export interface ReassemblyState<About> {
  readonly nextId: number
  readonly sets: readonly PartSet<About>[]
  readonly finished: readonly { readonly key: string; readonly at: number; readonly digests: Numbered<string> }[]
}

type Numbered<T> = Readonly<Record<string, T>>
type StoredPart = Readonly<Record<'locking' | 'single' | 'dataCoding', number>> & { readonly octets: string }

interface PartSet<About> {
  readonly id: number
  readonly key: string
  readonly source: string
  readonly total: number
  readonly dueAt: number
  /** Takes no more parts: its reference has been used again, or there was no room for it. */
  readonly closed: boolean
  readonly parts: Numbered<StoredPart>
  readonly about: About
}

/** A message put together, as far as it came. `id` names it in `finish`. */
export interface Assembled<About> {
  readonly id: number
  readonly key: string
  readonly total: number
  readonly parts: readonly Omit<Part<About>, 'key' | 'source' | 'total' | 'about'>[]
  readonly missing: readonly number[]
  readonly about: About
}

/**
 * - complete: hand it on, then `finish` it. - waiting: look again at `wakeAt`. - duplicate: nothing new.
 * `overdue` messages had to make room; hand them on as after a timeout.
 */
export type AddResult<About> = (
  | { readonly kind: 'complete'; readonly message: Assembled<About> }
  | { readonly kind: 'waiting'; readonly wakeAt: number }
  | { readonly kind: 'duplicate' }
) & { readonly overdue: readonly Assembled<About>[] }

/** States of an account. With `maxOpen` 50 in each, a source has 50 open messages at most and an account 10 000. */
const SHARDS = 200

/** Which of the account's states a source belongs to; all its parts, on whatever bind, go there. */
export function shardOf(source: string): number {
  return createHash('sha256').update(source).digest().readUInt32BE(0) % SHARDS
}

/** What parts of one message have in common, within one account. */
export function partKey(source: string, destination: string, { kind, reference, total }: Concatenation): string {
  return JSON.stringify([source, destination, kind, reference, total])
}

/**
 * Adds a part. A complete message stays in the state until `finish`, so that it is not lost when it cannot be handed on:
 * its part comes again, unacknowledged, and completes it again.
 */
export function addPart<About>(
  state: ReassemblyState<About> | undefined,
  part: Part<About>,
  now: number,
  bounds: ReassemblyBounds = DEFAULT_BOUNDS,
): { next: ReassemblyState<About>; result: AddResult<About> } {
  const { nextId, sets, finished } = remembered(state, now, bounds)
  const unchanged = { nextId, sets, finished }
  const stored = store(part)
  const rivals = sets.filter((set) => set.key === part.key)

  const twin = rivals.find((set) => set.parts[part.sequence]?.octets === stored.octets)
  if (twin) {
    const again = isComplete(twin) && !twin.closed
    return {
      next: unchanged,
      result: again ? { kind: 'complete', message: assemble(twin), overdue: [] } : { kind: 'duplicate', overdue: [] },
    }
  }
  const open = rivals.find((set) => !set.closed && !isComplete(set))
  if (open && !(part.sequence in open.parts)) {
    const grown = { ...open, parts: { ...open.parts, [part.sequence]: stored } }
    const next = { ...unchanged, sets: sets.map((set) => (set === open ? grown : set)) }
    if (isComplete(grown)) return { next, result: { kind: 'complete', message: assemble(grown), overdue: [] } }
    return { next, result: { kind: 'waiting', wakeAt: grown.dueAt, overdue: [] } }
  }
  const repeated = finished.some(({ key, digests }) => key === part.key && digests[part.sequence] === digest(stored))
  if (!open && repeated) return { next: unchanged, result: { kind: 'duplicate', overdue: [] } }

  // Another text under a number already there: the sender has come round to this reference again.
  const begun: PartSet<About> = {
    id: nextId,
    key: part.key,
    source: part.source,
    total: part.total,
    dueAt: now + bounds.timeoutMs,
    closed: false,
    parts: { [part.sequence]: stored },
    about: part.about,
  }
  const others = sets.map((set) => (set === open ? { ...set, closed: true } : set))
  const room = makeRoom([...others, begun], now, bounds.maxOpen)
  return {
    next: { nextId: nextId + 1, sets: room.sets, finished },
    result: { kind: 'waiting', wakeAt: begun.dueAt, overdue: room.overdue.map(assemble) },
  }
}

/** Messages whose time is over, complete or not: hand them on, then `finish` them. */
export function timedOut<About>(state: ReassemblyState<About> | undefined, now: number): Assembled<About>[] {
  return (state?.sets ?? []).filter((set) => set.dueAt <= now).map(assemble)
}

/** Takes messages out that were handed on; their parts are remembered for a while by digest. Undefined when all is over. */
export function finish<About>(
  state: ReassemblyState<About> | undefined,
  ids: readonly number[],
  now: number,
  bounds: ReassemblyBounds = DEFAULT_BOUNDS,
): ReassemblyState<About> | undefined {
  const { nextId, sets, finished } = remembered(state, now, bounds)
  const done = sets.filter((set) => ids.includes(set.id))
  const memory = done.map(({ key, parts }) => ({
    key,
    at: now,
    digests: Object.fromEntries(Object.entries(parts).map(([sequence, part]) => [sequence, digest(part)])),
  }))
  const next = {
    nextId,
    sets: sets.filter((set) => !ids.includes(set.id)),
    finished: [...finished, ...memory].slice(-4 * bounds.maxOpen),
  }
  return next.sets.length > 0 || next.finished.length > 0 ? next : undefined
}

function remembered<About>(
  state: ReassemblyState<About> | undefined,
  now: number,
  { rememberMs }: ReassemblyBounds,
): ReassemblyState<About> {
  if (!state) return { nextId: 1, sets: [], finished: [] }
  return { ...state, finished: state.finished.filter(({ at }) => at + rememberMs > now) }
}

/**
 * Ends open sets above the bound. A source that begins many messages and ends none crowds out its own and nobody else's.
 * Those that ended and were never finished may be as many, and then go.
 */
function makeRoom<About>(
  sets: readonly PartSet<About>[],
  now: number,
  maxOpen: number,
): { sets: PartSet<About>[]; overdue: PartSet<About>[] } {
  let room = [...sets]
  const overdue: PartSet<About>[] = []
  for (let open = room.filter(isOpen); open.length > maxOpen; open = room.filter(isOpen)) {
    const crowder = mostFrequent(open.map(({ source }) => source))
    const oldest = open.find(({ source }) => source === crowder) as PartSet<About>
    const ended = { ...oldest, closed: true, dueAt: now }
    overdue.push(ended)
    room = room.map((set) => (set === oldest ? ended : set))
  }
  const forgotten = new Set(room.filter((set) => !isOpen(set)).slice(0, -maxOpen))
  return { sets: room.filter((set) => !forgotten.has(set)), overdue }
}

const isOpen = (set: PartSet<unknown>) => !set.closed

function mostFrequent(sources: readonly string[]): string | undefined {
  const counts = new Map<string, number>()
  for (const source of sources) counts.set(source, (counts.get(source) ?? 0) + 1)
  return [...counts].reduce((most, entry) => (entry[1] > most[1] ? entry : most), ['', 0])[0]
}

function isComplete({ parts, total }: PartSet<unknown>): boolean {
  return Object.keys(parts).length === total
}

function store({ octets, dataCoding, languages }: Part<unknown>): StoredPart {
  return { octets: octets.toString('base64'), dataCoding, ...languages }
}

function digest({ octets }: StoredPart): string {
  return createHash('sha256').update(octets).digest('base64url').slice(0, 16)
}

function assemble<About>({ id, key, total, parts, about }: PartSet<About>): Assembled<About> {
  const numbers = Array.from({ length: total }, (_, index) => index + 1)
  return {
    id,
    key,
    total,
    about,
    parts: numbers.flatMap((sequence) => {
      const part = parts[sequence]
      if (!part) return []
      const { octets, dataCoding, locking, single } = part
      return [{ sequence, octets: Buffer.from(octets, 'base64'), dataCoding, languages: { locking, single } }]
    }),
    missing: numbers.filter((sequence) => !(sequence in parts)),
  }
}
