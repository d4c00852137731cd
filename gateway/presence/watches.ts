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
  /** Digest of what was told last, and when; absent: to be told in any case. */
  readonly told?: string
  readonly toldAt?: number
}

interface Table {
  readonly watches: readonly Watch[]
}

/** When it has to be looked at again; undefined: when something changes. */
type Again = number | undefined
type When = 'now' | 'in-time' | 'silently'

/** When a watch ends; when somebody is to be told. */
const ENDS = 'presence-watches'
const TELLS = 'presence-watches-tell'
const LIFE_MS = 400 * 86_400_000
const RETRY_MS = 30_000

/** A list keeps a member who does not want it: he may change his mind. */
export const listUse = (list: Uri): string => `list ${list}`
export const listOfUse = (use: string): Uri | undefined =>
  use.startsWith('list ') ? (use.slice('list '.length) as Uri) : undefined

export function createWatches(options: WatchesOptions): Watches {
  const { notes, reminders, clock } = options
  const noteKey = (presentity: Uri): string => `presence-watches:${presentity}`
  /** By presentity, watcher and way. */
  const looking = new Map<string, Promise<Again>>()

  const update = <Result>(
    presentity: Uri,
    change: (watches: readonly Watch[]) => { readonly next: readonly Watch[]; readonly result: Result },
  ): Promise<Result> =>
    notes.update<Table, Result>(noteKey(presentity), LIFE_MS, (table = { watches: [] }) => {
      const { next, result } = change(table.watches)
      return { next: next.length > 0 ? { watches: next } : undefined, result }
    })

  async function read(presentity: Uri): Promise<readonly Watch[]> {
    const text = await notes.get(noteKey(presentity))
    return text === undefined ? [] : (JSON.parse(text) as Table).watches
  }

  async function look(presentity: Uri, urgent: boolean): Promise<void> {
    const watches = await read(presentity)
    const again = await Promise.all(watches.map((watch) => lookInTurn(presentity, watch, urgent ? 'now' : 'in-time')))
    await remind(presentity, watches, again)
  }

  async function remind(presentity: Uri, watches: readonly Watch[], again: readonly Again[]): Promise<void> {
    const first = (times: readonly Again[]): number => Math.min(...times.flatMap((at) => at ?? []))
    const end = first(watches.map(({ expiresAt }) => expiresAt).filter((at = 0) => at > clock.now()))
    if (Number.isFinite(end)) await reminders.set(ENDS, presentity, end)
    const tell = first(again)
    if (Number.isFinite(tell)) await reminders.set(TELLS, presentity, tell)
  }

  /** Two who look at one watch at the same time tell once: the second sees what the first has told. */
  function lookInTurn(presentity: Uri, watch: Watch, when: When): Promise<Again> {
    const key = `${presentity} ${watch.watcher} ${watch.via}`
    const current = async (): Promise<Again> => {
      const found = (await read(presentity)).find((each) => isSame(each, watch))
      return found && lookAt(presentity, found, when)
    }
    const before = looking.get(key)
    const turn = before ? before.then(current, current) : lookAt(presentity, watch, when)
    looking.set(key, turn)
    return turn.finally(() => {
      if (looking.get(key) === turn) looking.delete(key)
    })
  }

  /** in-time: not sooner after what he was told last than the shortest interval; what is not for him makes nobody wait. */
  async function lookAt(presentity: Uri, watch: Watch, when: When): Promise<Again> {
    const { watcher, via, expiresAt } = watch
    const isOver = expiresAt !== undefined && expiresAt <= clock.now()
    const state: WatchState = isOver ? { kind: 'ended', reason: 'timeout' } : await options.state(presentity, watcher)
    const digest = createHash('sha256').update(JSON.stringify(state)).digest('base64url').slice(0, 16)
    if (digest === watch.told) return undefined
    const now = clock.now()
    const earliest = (watch.toldAt ?? 0) + options.minIntervalMs
    if (when === 'in-time' && !isOver && earliest > now) return earliest
    try {
      if (when !== 'silently') await options.tell({ presentity, watcher, via, state })
    } catch {
      return now + RETRY_MS
    }
    const stays = state.kind !== 'ended' || (!isOver && listOfUse(via) !== undefined)
    const event = eventOf(watch, state)
    const after: Watch = { ...watch, stands: state.kind, event, told: digest, toldAt: now }
    await update(presentity, (all) => ({
      next: all.flatMap((each) => {
        if (!isSame(each, watch) || isAskedAnew(each, watch)) return [each]
        return stays ? [{ ...after, begunAt: each.begunAt }] : []
      }),
      result: undefined,
    }))
    if (event !== watch.event || state.kind !== watch.stands) {
      await options.watched(presentity, stays ? watcherOf(presentity, after) : endedWatcher(presentity, watch, event))
    }
    // Meanwhile somebody else may have told something newer.
    return stays ? lookAt(presentity, after, 'in-time') : undefined
  }

  for (const kind of [ENDS, TELLS]) reminders.on(kind, (subject) => look(subject as Uri, false))

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
      const again = await lookInTurn(presentity, begun.next, isList ? 'silently' : 'now')
      await remind(presentity, begun.watches, [again])
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
    watchers: async (presentity) => (await read(presentity)).map((watch) => watcherOf(presentity, watch)),
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

/** He has asked again since: what he was told before is no answer to that, nor the end of it. */
const isAskedAnew = (now: Watch, before: Watch): boolean =>
  now.expiresAt !== before.expiresAt || (now.told === undefined && before.told !== undefined)

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
