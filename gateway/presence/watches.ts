import { createHash } from 'node:crypto'
import type { WatchState } from '../../adapters/contract/presence.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { Watcher, WatcherEvent } from '../events/package.js'
import type { Reminders } from '../spool/reminders.js'
import type { NoteStore } from '../spool/spool.js'
import type { Told } from './port.js'

/** Watchers of CPM users that have no SIP dialog with us: those in other services, and lists. All of it rejects with SpoolUnavailable. */
export interface Watches {
  /**
   * Begins one, or asks again; in either case where it stands is told. Not to lists: they read it themselves when they begin.
   * False when the user has too many.
   */
  begin(presentity: Uri, watcher: Uri, via: string, expiresAt?: number): Promise<boolean>
  end(presentity: Uri, watcher: Uri, via: string): Promise<void>
  /** Tells those who see something else now. `urgent`: at once, and not after the shortest interval. */
  look(presentity: Uri, urgent: boolean): Promise<void>
  watchers(presentity: Uri): Promise<readonly Watcher[]>
}

export interface WatchesOptions {
  readonly notes: NoteStore
  readonly reminders: Reminders
  readonly state: (presentity: Uri, watcher: Uri) => Promise<WatchState>
  /** One who rejects is told again later. */
  readonly tell: (told: Told) => Promise<void>
  /** The owner may know of it (RFC 3857). */
  readonly watched: (presentity: Uri, watcher: Watcher) => Promise<void>
  readonly minIntervalMs: number
  /** Watches of one user at once. */
  readonly most: number
  readonly clock: Clock
}

interface Watch {
  readonly watcher: Uri
  readonly via: string
  readonly begunAt: number
  readonly expiresAt?: number
  readonly stands: WatchState['kind']
  readonly event: WatcherEvent
  /** Digest of what was told last; absent: to be told in any case. */
  readonly told?: string
}

interface Table {
  readonly lookedAt: number
  readonly watches: readonly Watch[]
}

const KIND = 'presence-watches'
const LIFE_MS = 400 * 86_400_000
const RETRY_MS = 30_000
/** A list keeps a member who does not want it: he may change his mind. */
export const listUse = (list: Uri): string => `list ${list}`
export const listOfUse = (use: string): Uri | undefined =>
  use.startsWith('list ') ? (use.slice('list '.length) as Uri) : undefined

export function createWatches(options: WatchesOptions): Watches {
  const { notes, reminders, clock } = options
  const noteKey = (presentity: Uri): string => `presence-watches:${presentity}`

  const update = <Result>(
    presentity: Uri,
    change: (watches: readonly Watch[]) => { readonly next: readonly Watch[]; readonly result: Result },
    lookedAt?: number,
  ): Promise<Result> =>
    notes.update<Table, Result>(noteKey(presentity), LIFE_MS, (table = { lookedAt: 0, watches: [] }) => {
      const { next, result } = change(table.watches)
      const after = { lookedAt: lookedAt ?? table.lookedAt, watches: next }
      return { next: next.length > 0 ? after : undefined, result }
    })

  async function read(presentity: Uri): Promise<Table> {
    const text = await notes.get(noteKey(presentity))
    return text === undefined ? { lookedAt: 0, watches: [] } : JSON.parse(text)
  }

  async function look(presentity: Uri, urgent: boolean): Promise<void> {
    const { lookedAt, watches } = await read(presentity)
    if (watches.length === 0) return
    const now = clock.now()
    const earliest = lookedAt + options.minIntervalMs
    if (!urgent && earliest > now) return reminders.set(KIND, presentity, earliest)
    await update(presentity, (all) => ({ next: all, result: undefined }), now)
    const looked = await Promise.all(watches.map((watch) => lookAt(presentity, watch)))
    await remind(presentity, watches, !looked.includes(false))
  }

  async function remind(presentity: Uri, watches: readonly Watch[], done: boolean): Promise<void> {
    const now = clock.now()
    const ends = watches.flatMap(({ expiresAt }) => (expiresAt !== undefined && expiresAt > now ? [expiresAt] : []))
    const next = Math.min(...ends, ...(done ? [] : [now + RETRY_MS]))
    if (Number.isFinite(next)) await reminders.set(KIND, presentity, next)
  }

  /** False when it has to be tried again. */
  async function lookAt(presentity: Uri, watch: Watch, silently = false): Promise<boolean> {
    const { watcher, via, expiresAt } = watch
    const isOver = expiresAt !== undefined && expiresAt <= clock.now()
    const state: WatchState = isOver ? { kind: 'ended', reason: 'timeout' } : await options.state(presentity, watcher)
    const digest = createHash('sha256').update(JSON.stringify(state)).digest('base64url').slice(0, 16)
    if (digest === watch.told) return true
    try {
      if (!silently) await options.tell({ presentity, watcher, via, state })
    } catch {
      return false
    }
    const stays = state.kind !== 'ended' || (!isOver && listOfUse(via) !== undefined)
    const event = eventOf(watch, state)
    const after: Watch = { ...watch, stands: state.kind, event, told: digest }
    await update(presentity, (all) => ({
      next: all.flatMap((each) => (!isSame(each, watch) ? [each] : stays ? [{ ...after, begunAt: each.begunAt }] : [])),
      result: undefined,
    }))
    if (event !== watch.event || state.kind !== watch.stands) {
      await options.watched(presentity, stays ? watcherOf(presentity, after) : endedWatcher(presentity, watch, event))
    }
    // Meanwhile somebody else may have told something newer.
    return stays ? lookAt(presentity, after) : true
  }

  reminders.on(KIND, (subject) => look(subject as Uri, true))

  return {
    async begin(presentity, watcher, via, expiresAt) {
      const isList = listOfUse(via) !== undefined
      const begun = await update(presentity, (all) => {
        const known = all.find((each) => isSame(each, { watcher, via }))
        const rest = all.filter((each) => each !== known)
        const others = roomIn(rest, options.most)
        if (!others) return { next: all, result: undefined }
        const evicted = rest.filter((each) => !others.includes(each))
        const fresh: Watch = { watcher, via, begunAt: clock.now(), stands: 'ended', event: 'subscribe' }
        const { told, expiresAt: _before, ...same } = known ?? fresh
        const next: Watch = {
          ...same,
          ...(expiresAt !== undefined && { expiresAt }),
          ...(isList && told !== undefined && { told }),
        }
        const watches = [...others, next]
        return { next: watches, result: { next, watches, evicted } }
      })
      if (!begun) return false
      for (const gone of begun.evicted) await options.watched(presentity, endedWatcher(presentity, gone, 'giveup'))
      await remind(presentity, begun.watches, await lookAt(presentity, begun.next, isList))
      return true
    },
    async end(presentity, watcher, via) {
      const ended = await update(presentity, (all) => ({
        next: all.filter((each) => !isSame(each, { watcher, via })),
        result: all.find((each) => isSame(each, { watcher, via })),
      }))
      if (!ended) return
      await options.watched(presentity, endedWatcher(presentity, ended, 'timeout'))
    },
    look,
    watchers: async (presentity) => (await read(presentity)).watches.map((watch) => watcherOf(presentity, watch)),
  }
}

/** These with room for one more: the one who has waited longest for a decision goes, so that strangers cannot fill the table. */
function roomIn(watches: readonly Watch[], most: number): readonly Watch[] | undefined {
  if (watches.length < most) return watches
  const oldest = watches
    .filter(({ stands }) => stands === 'pending')
    .reduce<Watch | undefined>((first, each) => (first && first.begunAt <= each.begunAt ? first : each), undefined)
  return oldest && watches.filter((each) => each !== oldest)
}

const isSame = (one: Pick<Watch, 'watcher' | 'via'>, other: Pick<Watch, 'watcher' | 'via'>): boolean =>
  one.watcher === other.watcher && one.via === other.via

function eventOf({ stands, event }: Watch, state: WatchState): WatcherEvent {
  if (state.kind === 'ended') return state.reason === 'rejected' ? 'rejected' : 'timeout'
  return stands === 'pending' && state.kind === 'active' ? 'approved' : event === 'rejected' ? 'subscribe' : event
}

/** One that is over; who was never decided about waits (RFC 3857 §4.7.1). */
function endedWatcher(presentity: Uri, watch: Watch, event: WatcherEvent): Watcher {
  const { expiresAt: _over, ...watcher } = watcherOf(presentity, { ...watch, stands: 'ended', event })
  return watch.stands === 'pending' && event === 'timeout' ? { ...watcher, status: 'waiting' } : watcher
}

function watcherOf(presentity: Uri, { watcher, via, stands, event, begunAt, expiresAt }: Watch): Watcher {
  return {
    id: createHash('sha256').update(`${presentity}\n${watcher}\n${via}`).digest('hex').slice(0, 32),
    uri: watcher,
    status: stands === 'ended' ? 'terminated' : stands,
    event,
    begunAt,
    ...(expiresAt !== undefined && { expiresAt }),
  }
}
