import { type Argument, life } from './batch.js'
import type { Note, SentRecord, SpoolItem, Verdict } from './spool.js'
import type { WaitingItem } from './waiting.js'

/** Where an item is until its verdict: taken from its lane, in it and not taken by anybody, or waiting in BullMQ. */
export type Place =
  | { readonly kind: 'taken' | 'queued'; readonly item: SpoolItem; readonly entry: string }
  | { readonly kind: 'waiting'; readonly item: SpoolItem; readonly job: string }

/** Arguments of the script VERDICT. `later` is the job that has been made for the item already. */
export function verdictArguments(
  place: Place,
  verdict: Verdict<unknown>,
  later: WaitingItem | undefined,
  now: number,
): readonly Argument[] {
  const args = placeArguments(place)
  if ('puts' in verdict && verdict.puts) {
    for (const item of verdict.puts) args.push('put', item.lane, JSON.stringify(item), item.expiresAt)
  }
  if ('notes' in verdict && verdict.notes) args.push('notes', ...noteArguments(verdict.notes))
  if (verdict.kind === 'failed') args.push('failed', JSON.stringify(place.item), verdict.reason, now)
  if (later) args.push('later', later.item.id, later.job)
  if (verdict.kind === 'sent') args.push('record', ...recordArguments(verdict.record, now))
  return [args.length, ...args]
}

export const noteArguments = (notes: readonly Note[] = []): Argument[] => [
  notes.length,
  ...notes.flatMap(({ key, value, lifeMs }) => [key, value, life(lifeMs)]),
]

const placeArguments = (place: Place): Argument[] =>
  place.kind === 'waiting'
    ? [place.item.lane, place.kind, place.item.id, place.job]
    : [place.item.lane, place.kind, place.entry]

let generations = 0

/** Tells a record from one that replaces it. */
function generation(now: number): string {
  generations += 1
  return `${now.toString(36)}-${process.pid.toString(36)}-${generations.toString(36)}`
}

function recordArguments(record: SentRecord, now: number): Argument[] {
  // A part without a name gets no report, so none is awaited for it.
  const named = record.parts.filter(({ keys }) => keys.length > 0)
  const keys = named.flatMap((part, index) => part.keys.map((key) => ({ key, number: index + 1 })))
  return [
    ...[record.id, record.scope, generation(now), record.reportLane, JSON.stringify(record.context ?? null)],
    ...[life(record.lifeMs), now, named.length],
    ...[record.wants.length, ...record.wants],
    ...[record.addresses.length, ...record.addresses],
    ...[keys.length, ...keys.flatMap(({ key, number }) => [key, number])],
  ]
}
