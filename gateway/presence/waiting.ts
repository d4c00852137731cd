import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { Watcher, WatcherEvent } from '../events/package.js'
import type { Reminders } from '../spool/reminders.js'
import type { NoteStore } from '../spool/spool.js'
import type { Handling } from './rules.js'

/**
 * Watchers whose time was over before their user had decided about them (RFC 3857 §4.7.1, state waiting): he learns of them
 * when he looks the next time, however short they stayed. All of it rejects with SpoolUnavailable.
 */
export interface Waiting {
  /** What the user is told when one of his watchers has changed: that, or what it makes of those who wait. */
  noted(presentity: Uri, watcher: Watcher): Promise<readonly Watcher[]>
  /** What he is told after he has decided about some of them. */
  decided(presentity: Uri): Promise<readonly Watcher[]>
  watchers(presentity: Uri): Promise<readonly Watcher[]>
}

export interface WaitingOptions {
  readonly notes: NoteStore
  readonly reminders: Reminders
  readonly handling: (presentity: Uri, watcher: Uri) => Promise<Handling>
  /** Whether another subscription of this watcher lives. */
  readonly lives: (presentity: Uri, watcher: Uri) => Promise<boolean>
  /** The user is told that these have waited too long. */
  readonly givenUp: (presentity: Uri, watchers: readonly Watcher[]) => Promise<void>
  readonly clock: Clock
}

/** One who waits; plain JSON. */
interface Entry {
  readonly id: string
  readonly uri: Uri
  readonly begunAt: number
  readonly until: number
}

type Change<Result> = (entries: readonly Entry[]) => { readonly next: readonly Entry[]; readonly result: Result }

const KIND = 'presence-waiting'
const WAITS_MS = 14 * 86_400_000
/** Of one user at once; above it the one who has waited longest is given up, so that strangers cannot fill the table. */
const MOST = 100

export function createWaiting(options: WaitingOptions): Waiting {
  const { notes, reminders, clock } = options
  const noteKey = (presentity: Uri): string => `${KIND}:${presentity}`

  const update = <Result>(presentity: Uri, change: Change<Result>): Promise<Result> =>
    notes.update<readonly Entry[], Result>(noteKey(presentity), 2 * WAITS_MS, (entries = []) => {
      const { next, result } = change(entries)
      return { next: next.length > 0 ? next : undefined, result }
    })

  async function read(presentity: Uri): Promise<readonly Entry[]> {
    const text = await notes.get(noteKey(presentity))
    return text === undefined ? [] : JSON.parse(text)
  }

  /** Takes those out that `goes` names; gives them as the user is told of them. */
  const takeOut = (
    presentity: Uri,
    goes: (entry: Entry) => boolean,
    event: WatcherEvent,
  ): Promise<readonly Watcher[]> =>
    update(presentity, (entries) => ({
      next: entries.filter((entry) => !goes(entry)),
      result: entries.filter(goes).map((entry) => watcherOf(entry, 'terminated', event)),
    }))

  async function enter(presentity: Uri, { id, begunAt }: Watcher, uri: Uri): Promise<readonly Watcher[]> {
    const until = clock.now() + WAITS_MS
    const entry = { id, uri, begunAt, until }
    const gone = await update(presentity, (entries) => {
      const all = [...entries.filter((each) => each.uri !== uri), entry]
      return { next: all.slice(-MOST), result: entries.filter((each) => !all.slice(-MOST).includes(each)) }
    })
    await reminders.set(KIND, presentity, Math.min(until, ...(await read(presentity)).map((each) => each.until)))
    return [watcherOf(entry, 'waiting', 'timeout'), ...gone.map((each) => watcherOf(each, 'terminated', 'giveup'))]
  }

  reminders.on(KIND, async (subject) => {
    const presentity = subject as Uri
    const given = await takeOut(presentity, ({ until }) => until <= clock.now(), 'giveup')
    const left = await read(presentity)
    if (left.length > 0) await reminders.set(KIND, presentity, Math.min(...left.map(({ until }) => until)))
    if (given.length > 0) await options.givenUp(presentity, given)
  })

  return {
    async noted(presentity, watcher) {
      const { uri, status } = watcher
      if (uri === undefined) return [watcher]
      if (status === 'waiting') {
        const lives = await options.lives(presentity, uri)
        return lives ? [{ ...watcher, status: 'terminated' }] : enter(presentity, watcher, uri)
      }
      if (status === 'terminated' || !(await read(presentity)).some((entry) => entry.uri === uri)) return [watcher]
      return [...(await takeOut(presentity, (entry) => entry.uri === uri, 'subscribe')), watcher]
    },
    async decided(presentity) {
      const entries = await read(presentity)
      const handled = await Promise.all(
        entries.map(async ({ uri }) => ({ uri, handling: await options.handling(presentity, uri) })),
      )
      const told = handled
        .filter(({ handling }) => handling !== 'confirm')
        .map(({ uri, handling }) =>
          takeOut(presentity, (entry) => entry.uri === uri, handling === 'block' ? 'rejected' : 'approved'),
        )
      return (await Promise.all(told)).flat()
    },
    watchers: async (presentity) => (await read(presentity)).map((entry) => watcherOf(entry, 'waiting', 'timeout')),
  }
}

const watcherOf = ({ id, uri, begunAt }: Entry, status: Watcher['status'], event: WatcherEvent): Watcher => ({
  ...{ id, uri, status, event, begunAt },
})
