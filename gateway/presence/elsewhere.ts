import type { WatchState } from '../../adapters/contract/presence.js'
import { normalUri, sipRequestUri, type UriOptions } from '../cpm/address.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import { PIDF_TYPE, parsePidf } from '../cpm/pidf.js'
import { CLOSED } from '../cpm/presence.js'
import type { Subscriber } from '../events/subscriber.js'
import type { Reminders } from '../spool/reminders.js'
import type { NoteStore } from '../spool/spool.js'
import type { HomePresence, Told } from './port.js'

export interface ElsewhereOptions extends UriOptions {
  /** SIP URI of the presence server. */
  readonly server: string
  readonly domain: string
  readonly subscriber: Subscriber
  readonly notes: NoteStore
  readonly reminders: Reminders
  readonly clock: Clock
}

/** Somebody in a service who watches a CPM user; plain JSON. */
interface Guest {
  readonly watcher: Uri
  readonly presentity: Uri
  readonly via: string
  readonly identity: string
  readonly expiresAt?: number
  /** What he was told last. */
  readonly state?: WatchState
}

const KIND = 'presence-guest'
const EXPIRES_S = 3600
const LIFE_MS = 30 * 86_400_000
const RETRY_MS = 30_000

/**
 * The presence of CPM users whom another presence server serves (`PRES-03`, `PRES-04`): watchers in other services subscribe
 * there through us, each by his own name, so that the server can ask its user about him.
 */
export function createPresenceElsewhere(options: ElsewhereOptions): HomePresence {
  const { server, domain, subscriber, notes, reminders, clock } = options
  let tell: (told: Told) => Promise<void> = async () => undefined
  const keyOf = (presentity: Uri, identity: string): string => `${presentity} ${identity}`
  const update = <Result>(
    key: string,
    change: (guest: Guest | undefined) => { readonly next: Guest | undefined; readonly result: Result },
  ): Promise<Result> => notes.update(`${KIND}:${key}`, LIFE_MS, change)

  const watched = subscriber.add({
    name: 'presence',
    contentType: PIDF_TYPE,
    expiresSeconds: EXPIRES_S,
    eachIdentity: true,
    server,
    async notified({ resource, identity, body }) {
      const read = parsePidf(body)
      if ('kind' in read) return { kind: 'faulty', said: read.said }
      await learn(resource, identity, { kind: 'active', presence: read.state })
      return { kind: 'taken' }
    },
    standing: (resource, identity, state) =>
      learn(resource, identity, state === 'pending' ? { kind: 'pending' } : { kind: 'active', presence: CLOSED }),
    async ended(resource, identity, refused) {
      // What ended by itself is asked for again; meanwhile he knows what he knows.
      if (!refused) return
      // The refusal is not kept: whoever asks again is asked about again.
      await watched.unwatch(resource, identity)
      await learn(resource, identity, { kind: 'ended', reason: 'rejected' })
    },
  })

  async function learn(presentity: Uri, identity: string, state: WatchState): Promise<void> {
    const key = keyOf(presentity, identity)
    const guest = await update(key, (known) => {
      const next = known && { ...known, state }
      return { next, result: next }
    })
    if (guest) await show(key, guest)
  }

  async function show(key: string, { presentity, watcher, via, state }: Guest): Promise<void> {
    if (!state) return
    try {
      await tell({ presentity, watcher, via, state })
    } catch {
      await reminders.set(KIND, key, clock.now() + RETRY_MS)
      return
    }
    if (state.kind === 'ended') await update(key, () => ({ next: undefined, result: undefined }))
  }

  async function unwatch(watcher: Uri, presentity: Uri): Promise<void> {
    const identity = sipRequestUri(watcher, domain)
    await update(keyOf(presentity, identity), () => ({ next: undefined, result: undefined }))
    await watched.unwatch(presentity, identity)
  }

  /** His time is over, or he is to be told again. */
  reminders.on(KIND, async (key) => {
    const guest = await update(key, (known) => ({ next: known, result: known }))
    if (!guest) return
    const { watcher, presentity, via, expiresAt } = guest
    if (expiresAt === undefined || expiresAt > clock.now()) {
      if (expiresAt !== undefined) await reminders.set(KIND, key, expiresAt)
      return show(key, guest)
    }
    await unwatch(watcher, presentity)
    await tell({ presentity, watcher, via, state: { kind: 'ended', reason: 'timeout' } })
  })

  return {
    async watch(asking, presentity, via, expiresAt) {
      const watcher = normalUri(asking, options) ?? asking
      const identity = sipRequestUri(watcher, domain)
      const key = keyOf(presentity, identity)
      const guest = await update(key, (known) => {
        const state = known?.state
        const next: Guest = {
          ...{ watcher, presentity, via, identity },
          ...(expiresAt !== undefined && { expiresAt }),
          ...(state && { state }),
        }
        return { next, result: next }
      })
      if (expiresAt !== undefined) await reminders.set(KIND, key, expiresAt)
      await watched.watch(presentity, identity)
      await show(key, guest)
    },
    unwatch,
    onTold(listener) {
      tell = listener
    },
  }
}
