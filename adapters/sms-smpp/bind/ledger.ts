import { hostname } from 'node:os'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { SharedStore } from '../../contract/index.js'

/** A session as the shared store remembers it. */
interface Entry {
  readonly id: string
  readonly host: string
  readonly pid: number
  /** When the process began, to tell it from another one of the same number. */
  readonly born: number
  readonly seenAt: number
  readonly lostAt?: number
}

/** Which sessions of an account ended without both sides knowing what had been said: killed processes included. */
export interface SessionLedger {
  opened(sessionId: string): void
  closed(sessionId: string, clean: boolean): void
  /** Resolves with the ids of sessions lost within the window, once the store has been asked after the last bind. */
  lost(): Promise<readonly string[]>
  stop(): void
}

const BEAT_MS = 5_000
/** A session of another host that was not seen for so long is lost. */
const STALE_MS = 3 * BEAT_MS
const ENTRIES = 200

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

export function createLedger(
  account: string,
  windowMs: number,
  store: SharedStore,
  clock: Clock,
  warn: (error: unknown) => void,
): SessionLedger {
  const me = { host: hostname(), pid: process.pid, born: clock.now() }
  const key = `sessions/${account}`
  const open = new Set<string>()
  const lostHere = new Map<string, number>()
  let lostElsewhere: readonly string[] = []
  let ready: Promise<void> = Promise.resolve()
  let cancelBeat: (() => void) | undefined

  /** When a session of another process was lost; undefined while it lives. */
  const lostAt = (entry: Entry, now: number): number | undefined => {
    if (entry.lostAt !== undefined) return entry.lostAt
    if (entry.host !== me.host) return now - entry.seenAt > STALE_MS ? entry.seenAt : undefined
    const gone = entry.pid === me.pid ? entry.born !== me.born : !isAlive(entry.pid)
    return gone ? entry.seenAt : undefined
  }

  /** Writes what we know and reads what others know, in one step. */
  const exchange = async () => {
    const now = clock.now()
    const mine = [...open].map((id): Entry => ({ id, ...me, seenAt: now }))
    const fallen = [...lostHere].map(([id, at]): Entry => ({ id, ...me, seenAt: at, lostAt: at }))
    const others = await store.update<readonly Entry[], readonly Entry[]>(key, windowMs + STALE_MS, (state) => {
      const rest = (state ?? [])
        .filter((entry) => entry.host !== me.host || entry.pid !== me.pid || entry.born !== me.born)
        .map((entry) => {
          const at = lostAt(entry, now)
          return at === undefined || entry.lostAt !== undefined ? entry : { ...entry, lostAt: at }
        })
        // One beat more: a process may have died right before it would have been seen again.
        .filter((entry) => entry.lostAt === undefined || now - entry.lostAt < windowMs + BEAT_MS)
      const next = [...rest, ...fallen, ...mine].slice(-ENTRIES)
      return { next: next.length > 0 ? next : undefined, result: rest }
    })
    lostElsewhere = others.filter((entry) => entry.lostAt !== undefined).map((entry) => entry.id)
  }

  const forgetOld = () => {
    const now = clock.now()
    for (const [id, at] of lostHere) if (now - at >= windowMs) lostHere.delete(id)
  }

  const refresh = () => {
    forgetOld()
    ready = exchange().catch(warn)
  }
  const beat = () => {
    cancelBeat = clock.after(BEAT_MS, () => {
      beat()
      if (open.size > 0 || lostHere.size > 0) refresh()
    })
  }

  return {
    opened(sessionId) {
      if (windowMs === 0) return
      open.add(sessionId)
      if (!cancelBeat) beat()
      refresh()
    },
    closed(sessionId, clean) {
      if (!open.delete(sessionId)) return
      if (!clean) lostHere.set(sessionId, clock.now())
      refresh()
    },
    async lost() {
      await ready
      forgetOld()
      return [...lostHere.keys(), ...lostElsewhere]
    },
    stop() {
      cancelBeat?.()
    },
  }
}
