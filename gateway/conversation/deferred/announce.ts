import type { Clock } from '../../cpm/clock.js'
import { ICSI } from '../../cpm/features.js'
import type { Uri } from '../../cpm/ids.js'
import type { Boxes } from '../../spool/boxes.js'
import type { NoteStore, Verdict } from '../../spool/spool.js'
import type { Delivery, ToDevices } from '../delivery.js'
import { LISTED, summaryMessage } from './summary.js'
import type { DeferredWork, KeptEntry } from './work.js'

export interface AnnounceOptions {
  readonly boxes: Boxes
  readonly notes: NoteStore
  readonly toDevices: ToDevices
  /** Address of the deferred messaging function. */
  readonly address: Uri
  /** Interval of reminders, ms. */
  readonly remind: number | undefined
  readonly clock: Clock
}

/** A user is not told of the same number again at every registration, but when he is to be reminded. */
interface Said {
  readonly count: number
  readonly at: number
}
const SAID_LIFE_MS = 86_400_000

/** Tells a user what waits for him (`DEF-02`), and reminds him until nothing does (`CPM-CONV-008`). */
export function createAnnounce({ boxes, notes, toDevices, address, remind, clock }: AnnounceOptions) {
  const saidKey = (user: Uri): string => `deferred-said:${user}`

  async function waiting(user: Uri) {
    const folders = ['deferred', 'stored'] as const
    const counts = await Promise.all(folders.map((folder) => boxes.count(user, folder)))
    const lists = await Promise.all(folders.map((folder) => boxes.first(user, folder, LISTED)))
    return {
      count: counts.reduce((sum, count) => sum + count, 0),
      entries: lists.flat() as unknown as readonly KeptEntry[],
    }
  }

  /** ms until he may be told of this number; undefined: no more. */
  async function dueIn(user: Uri, count: number): Promise<number | undefined> {
    const text = await notes.get(saidKey(user))
    const said: Said | undefined = text === undefined ? undefined : JSON.parse(text)
    if (said?.count !== count) return 0
    return remind === undefined ? undefined : Math.max(0, said.at + remind - clock.now())
  }

  async function tell(user: Uri, summary: Awaited<ReturnType<typeof waiting>>, device?: string) {
    const message = summaryMessage(address, user, summary, clock.now())
    const delivery: Delivery = { user, content: { kind: 'message', message }, from: address, icsi: ICSI.system }
    return toDevices({ ...delivery, ...(device === undefined ? {} : { device }) }, [])
  }

  return {
    /** To the device that asked; one that cannot take it now will ask again. */
    async list({ user, device }: DeferredWork & { readonly kind: 'list' }): Promise<Verdict<DeferredWork>> {
      await tell(user, await waiting(user), device)
      return { kind: 'done' }
    },
    async announce(work: DeferredWork & { readonly kind: 'waiting' }): Promise<Verdict<DeferredWork>> {
      const { user } = work
      const summary = await waiting(user)
      const { count } = summary
      const delayMs = count === 0 ? undefined : await dueIn(user, count)
      if (delayMs === undefined) return { kind: 'done' }
      if (delayMs > 0) return { kind: 'later', delayMs, payload: work, why: 'reminder' }
      const outcome = await tell(user, summary)
      // Whoever cannot be told now is told at his next registration.
      if (outcome.kind !== 'delivered') return { kind: 'done' }
      const said: Said = { count, at: clock.now() }
      const lifeMs = SAID_LIFE_MS + (remind ?? 0)
      await notes.put({ key: saidKey(user), value: JSON.stringify(said), lifeMs })
      if (remind === undefined) return { kind: 'done' }
      return { kind: 'later', delayMs: remind, payload: work, why: 'reminder' }
    },
  }
}
