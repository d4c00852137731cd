import { createHash } from 'node:crypto'
import type { Clock } from '../cpm/clock.js'
import type { ServiceId, Uri } from '../cpm/ids.js'
import type { LeaseEvent } from '../observe/metrics.js'
import type { NoteStore } from '../spool/spool.js'

/** A pool of addresses in a service, lent per pair of correspondents. */
export interface Pool {
  readonly numbers: readonly string[]
  readonly lease: number
}

export interface Leases {
  /**
   * The pool address behind which `user` speaks with `correspondent`: the one he has, or a free one. Undefined when every
   * address of the pool already stands for somebody else towards this correspondent. It is in use `until` then (ms since
   * 1970), which the life of the lease comes after.
   */
  borrow(service: ServiceId, pool: Pool, user: Uri, correspondent: Uri, until: number): Promise<Uri | undefined>
  /** The user behind a pool address, as this correspondent knows it. That he writes is a use of it, too. */
  holder(service: ServiceId, pool: Pool, number: Uri, correspondent: Uri): Promise<Uri | undefined>
  /** The same without using it: its life stays as it is. */
  peek(service: ServiceId, number: Uri, correspondent: Uri): Promise<Uri | undefined>
  /** The number is given back: it stands for the user `forMs` longer, and for nobody then. Nothing happens when it is not his. */
  giveBack(service: ServiceId, number: Uri, user: Uri, correspondent: Uri, forMs: number): Promise<void>
}

interface Lease {
  readonly user: Uri
  /** End of the last use, ms since 1970. */
  readonly until: number
}

/**
 * Leases live in the spool, so that they survive a restart and are the same on every node. The note of (address,
 * correspondent) says who is behind it and is the only truth: two users never share an address towards one person. The
 * note of (user, correspondent) only says where to look first, so that a user keeps his address.
 */
export function createLeases(notes: NoteStore, clock: Clock, onEvent: (event: LeaseEvent) => void): Leases {
  const holderKey = (service: ServiceId, number: string, correspondent: Uri) =>
    `lease|${service}|${number}|${correspondent}`
  const numberKey = (service: ServiceId, user: Uri, correspondent: Uri) => `leased|${service}|${user}|${correspondent}`

  async function read(key: string): Promise<Lease | undefined> {
    const found = await notes.get(key)
    return found === undefined ? undefined : (JSON.parse(found) as Lease)
  }

  /** False when the number stands for somebody else. A use that ends later than this one is not cut short. */
  async function claim(
    service: ServiceId,
    pool: Pool,
    number: string,
    user: Uri,
    correspondent: Uri,
    until: number,
  ): Promise<boolean> {
    const key = holderKey(service, number, correspondent)
    const before = await read(key)
    if (before && before.user !== user) return false
    const end = Math.max(until, before?.until ?? 0)
    const lifeMs = end - clock.now() + pool.lease
    const isHis = await notes.update<Lease, boolean>(key, lifeMs, (lease) =>
      lease && lease.user !== user ? { next: lease, result: false } : { next: { user, until: end }, result: true },
    )
    if (isHis) await notes.put({ key: numberKey(service, user, correspondent), value: number, lifeMs })
    return isHis
  }

  return {
    async borrow(service, pool, user, correspondent, until) {
      const last = await notes.get(numberKey(service, user, correspondent))
      for (const number of searchOrder(pool.numbers, last, user, correspondent)) {
        if (!(await claim(service, pool, number, user, correspondent, until))) continue
        onEvent(number === last ? 'renewed' : 'granted')
        return number as Uri
      }
      onEvent('exhausted')
      return undefined
    },

    async holder(service, pool, number, correspondent) {
      const lease = await read(holderKey(service, number, correspondent))
      if (!lease) return undefined
      // Not every message writes: only when half the life after the last use is over.
      const now = clock.now()
      if (now - lease.until > pool.lease / 2) await claim(service, pool, number, lease.user, correspondent, now)
      return lease.user
    },

    peek: async (service, number, correspondent) => (await read(holderKey(service, number, correspondent)))?.user,

    async giveBack(service, number, user, correspondent, forMs) {
      const key = holderKey(service, number, correspondent)
      // Nobody else can get it before its life is over, so what is read here stays true.
      if ((await read(key))?.user !== user) return
      const lease: Lease = { user, until: clock.now() }
      if (forMs > 0) await notes.put({ key, value: JSON.stringify(lease), lifeMs: forMs })
      else await notes.remove(key)
      await notes.remove(numberKey(service, user, correspondent))
    },
  }
}

/** The number he had, then the others, from a place that the pair determines, so that new leases spread over the pool. */
function searchOrder(
  numbers: readonly string[],
  last: string | undefined,
  user: Uri,
  correspondent: Uri,
): readonly string[] {
  const start = createHash('sha1').update(`${user}\n${correspondent}`).digest().readUInt32BE(0) % numbers.length
  const round = [...numbers.slice(start), ...numbers.slice(0, start)]
  return last !== undefined && numbers.includes(last) ? [last, ...round.filter((number) => number !== last)] : round
}
