import { type Argument, life, type Operation } from './operation.js'
import { recordOperation } from './record.js'
import type { Note, SpoolItem, Verdict } from './spool.js'
import type { FoundItem, WaitingItem } from './waiting.js'

/** Where an item is until its verdict: taken from its lane, in it and not taken by anybody, or waiting in BullMQ. */
export type Place =
  | { readonly kind: 'taken' | 'queued'; readonly item: SpoolItem; readonly entry: string }
  | ({ readonly kind: 'waiting' } & FoundItem)

/** A verdict for the script. `later` is the job that has been made for the item already. */
export function verdictOperation(
  place: Place,
  verdict: Verdict<unknown>,
  later: WaitingItem | undefined,
  now: number,
): Operation {
  const args = placeArguments(place)
  const texts: string[] = []
  if ('puts' in verdict && verdict.puts) {
    for (const item of verdict.puts) {
      args.push('put', item.lane, item.expiresAt)
      texts.push(JSON.stringify(item))
    }
  }
  if ('notes' in verdict && verdict.notes) args.push('notes', ...noteArguments(verdict.notes))
  if (verdict.kind === 'failed') {
    args.push('failed', verdict.reason, now)
    texts.push(JSON.stringify(place.item))
  }
  if (later) args.push('later', later.item.id, later.job)
  if (verdict.kind === 'sent') {
    const record = recordOperation(verdict.record, now)
    args.push(...record.args)
    texts.push(...record.texts)
  }
  const leaves = place.kind === 'taken' ? { leaves: { lane: place.item.lane, entry: place.entry } } : {}
  return { name: 'verdict', args, texts, ...leaves }
}

export const noteArguments = (notes: readonly Note[] = []): Argument[] => [
  notes.length,
  ...notes.flatMap(({ key, value, lifeMs }) => [key, value, life(lifeMs)]),
]

const placeArguments = (place: Place): Argument[] =>
  place.kind === 'waiting'
    ? [place.item.lane, 'waiting', place.item.id, place.job, place.lifeMs]
    : [place.item.lane, place.kind, place.entry]
