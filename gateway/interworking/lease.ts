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
   * address of the pool already stands for somebody else towards this correspondent.
   */
  borrow(service: ServiceId, pool: Pool, user: Uri, correspondent: Uri): Promise<Uri | undefined>
  /** The user behind a pool address, as this correspondent knows it. */
  holder(service: ServiceId, number: Uri, correspondent: Uri): Promise<Uri | undefined>
}

interface Lease {
  readonly user: Uri
  readonly renewedAt: number
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

  const claim = (service: ServiceId, pool: Pool, number: string, user: Uri, correspondent: Uri): Promise<boolean> =>
    notes.update<Lease, boolean>(holderKey(service, number, correspondent), pool.lease, (lease) =>
      lease && lease.user !== user
        ? { next: lease, result: false }
        : { next: { user, renewedAt: clock.now() }, result: true },
    )

  return {
    async borrow(service, pool, user, correspondent) {
      const known = numberKey(service, user, correspondent)
      const last = await notes.get(known)
      for (const number of searchOrder(pool.numbers, last, user, correspondent)) {
        if (!(await claim(service, pool, number, user, correspondent))) continue
        await notes.put({ key: known, value: number, lifeMs: pool.lease })
        onEvent(number === last ? 'renewed' : 'granted')
        return number as Uri
      }
      onEvent('exhausted')
      return undefined
    },

    async holder(service, number, correspondent) {
      const found = await notes.get(holderKey(service, number, correspondent))
      return found === undefined ? undefined : (JSON.parse(found) as Lease).user
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
