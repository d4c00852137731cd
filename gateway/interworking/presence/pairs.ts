import { createHash } from 'node:crypto'
import type { WatchState } from '../../../adapters/contract/index.js'
import type { ServiceId, Uri } from '../../cpm/ids.js'
import type { PresenceUse } from '../../presence/port.js'
import type { NoteStore } from '../../spool/spool.js'

/** One subscription in a service, whoever needs it and whatever for. Plain JSON. */
export interface Pair {
  readonly service: ServiceId
  readonly presentity: Uri
  /** Their addresses in the service. */
  readonly watcherThere: Uri
  readonly presentityThere: Uri
  readonly uses: readonly PresenceUse[]
  readonly state: WatchState
}

/** The pairs of all nodes. All of it rejects with SpoolUnavailable. */
export interface Pairs {
  /** By the addresses of the service, as its adapter names them in turn. */
  key(pair: Pick<Pair, 'service' | 'watcherThere' | 'presentityThere'>): string
  get(key: string): Promise<Pair | undefined>
  /** By the addresses of CPM. */
  find(watcher: Uri, presentity: Uri): Promise<string | undefined>
  /** `change` is pure; undefined removes the pair. */
  update<Result>(
    key: string,
    change: (pair: Pair | undefined) => { readonly next: Pair | undefined; readonly result: Result },
  ): Promise<Result>
  /** Makes it known to `find`, for this watcher, and to `keys`; false when there are too many. */
  enter(key: string, watcher: Uri, presentity: Uri): Promise<boolean>
  /** The watcher is in it no more. */
  forget(watcher: Uri, presentity: Uri): Promise<void>
  /** It is over. */
  leave(key: string): Promise<void>
  /** All of them. */
  keys(): AsyncIterable<string>
}

/** Pairs that nobody touched for so long are gone: they are asked for again much more often. */
const LIFE_MS = 30 * 86_400_000
const SHARDS = 256
const PER_SHARD = 1_000

/** Pairs in notes. Their keys are spread over so many notes that none grows long. */
export function createPairs(notes: NoteStore): Pairs {
  const digest = (...parts: readonly string[]): string =>
    createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)
  const noteKey = (key: string): string => `outside:${key}`
  const aliasKey = (watcher: Uri, presentity: Uri): string => `outside-of:${digest(watcher, presentity)}`
  const shardKey = (shard: number): string => `outside-keys:${shard}`
  const shardOf = (key: string): number => Number.parseInt(key.slice(0, 2), 16)

  return {
    key: ({ service, watcherThere, presentityThere }) => digest(service, watcherThere, presentityThere),
    async get(key) {
      const text = await notes.get(noteKey(key))
      return text === undefined ? undefined : JSON.parse(text)
    },
    find: (watcher, presentity) => notes.get(aliasKey(watcher, presentity)),
    update: (key, change) => notes.update(noteKey(key), LIFE_MS, change),
    async enter(key, watcher, presentity) {
      const hasRoom = await notes.update<readonly string[], boolean>(shardKey(shardOf(key)), LIFE_MS, (keys = []) => {
        if (keys.includes(key)) return { next: [...keys], result: true }
        return keys.length >= PER_SHARD ? { next: keys, result: false } : { next: [...keys, key], result: true }
      })
      if (hasRoom) await notes.put({ key: aliasKey(watcher, presentity), value: key, lifeMs: LIFE_MS })
      return hasRoom
    },
    async forget(watcher, presentity) {
      await notes.remove(aliasKey(watcher, presentity))
    },
    async leave(key) {
      await notes.update<readonly string[], void>(shardKey(shardOf(key)), LIFE_MS, (keys = []) => {
        const left = keys.filter((each) => each !== key)
        return { next: left.length > 0 ? left : undefined, result: undefined }
      })
    },
    async *keys() {
      for (let shard = 0; shard < SHARDS; shard += 1) {
        const text = await notes.get(shardKey(shard))
        if (text !== undefined) yield* JSON.parse(text) as readonly string[]
      }
    },
  }
}
