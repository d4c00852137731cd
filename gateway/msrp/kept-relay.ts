import type { Clock } from '../cpm/clock.js'
import { leaseRelay, type RelayLease, type RelayOptions } from './relay-client.js'

export interface KeptRelay {
  /** The place at the relay; undefined while there is none. */
  current(): RelayLease | undefined
  /** Asks for no place any more, and gives up the one it has. */
  stop(): void
}

export interface KeptRelayOptions extends Omit<RelayOptions, 'lost'> {
  readonly clock: Clock
  /** A place was had, or lost; or refused, with the reason. */
  readonly onChange: (state: 'relay-leased' | 'relay-lost' | 'relay-refused', why?: unknown) => void
}

const RETRY_MS = { first: 1_000, most: 30_000 }

/** Has a place at a relay as long as it runs: asks again, with growing waits, when it is refused or lost (RFC 4976 §5). */
export function keepRelay(options: KeptRelayOptions): KeptRelay {
  const { clock, onChange } = options
  let lease: RelayLease | undefined
  let waitMs = RETRY_MS.first
  let cancel = (): void => undefined
  let stopped = false

  function again(): void {
    if (stopped) return
    cancel = clock.after(waitMs, ask)
    waitMs = Math.min(waitMs * 2, RETRY_MS.most)
  }

  function lost(): void {
    if (lease === undefined) return
    lease = undefined
    onChange('relay-lost')
    again()
  }

  function ask(): void {
    leaseRelay({ ...options, lost }).then(leased, (error: unknown) => {
      onChange('relay-refused', error)
      again()
    })
  }

  function leased(given: RelayLease): void {
    if (stopped) {
      given.release()
      return
    }
    lease = given
    waitMs = RETRY_MS.first
    onChange('relay-leased')
  }

  ask()
  return {
    current: () => (lease?.connection.open ? lease : undefined),
    stop() {
      stopped = true
      cancel()
      lease?.release()
      lease = undefined
    },
  }
}
