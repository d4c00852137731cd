import type { Clock } from '../../cpm/clock.js'
import { T1_MS, T2_MS, T4_MS, TRANSACTION_MS } from './timers.js'

export type InviteServerState = 'proceeding' | 'accepted' | 'completed' | 'confirmed' | 'terminated'

export interface InviteServerOptions {
  readonly clock: Clock
  /** With a reliable transport nothing is retransmitted, and timers G and I are not used. */
  readonly reliable: boolean
  /** Timer G: the final answer goes out again. */
  readonly retransmit: () => void
  /** The transaction can be forgotten: timers H, I or L. Not called after `stop`. */
  readonly ended: () => void
}

/** One INVITE server transaction (RFC 3261 §17.2.1, with Accepted of RFC 6026 §7.1). Starts when made. */
export interface InviteServer {
  readonly state: InviteServerState
  /**
   * An answer is about to be sent; false when it may not be: a final one was sent before. A further 2xx may, because
   * the core repeats it, and a proxy forwards those of all branches.
   */
  reply(status: number): boolean
  /** The INVITE came again; true when the last answer is to be repeated. */
  repeated(): boolean
  /** An ACK came; 'pass' when it concerns the core, 'absorb' when it has done its work here. */
  acknowledged(): 'pass' | 'absorb'
  /** The end of the server. */
  stop(): void
}

export function inviteServer(options: InviteServerOptions): InviteServer {
  const { clock, reliable, retransmit, ended } = options
  let state: InviteServerState = 'proceeding'
  let interval = T1_MS
  let cancelRetransmission = () => {}
  let cancelDeadline = () => {}

  function deadline(ms: number): void {
    cancelDeadline()
    cancelDeadline = clock.after(ms, () => {
      end()
      ended()
    })
  }

  function end(): void {
    state = 'terminated'
    cancelRetransmission()
    cancelDeadline()
  }

  function scheduleRetransmission(): void {
    cancelRetransmission = clock.after(interval, () => {
      interval = Math.min(interval * 2, T2_MS)
      scheduleRetransmission()
      retransmit()
    })
  }

  function refuse(): void {
    state = 'completed'
    deadline(TRANSACTION_MS)
    if (!reliable) scheduleRetransmission()
  }

  return {
    get state() {
      return state
    },
    reply(status) {
      switch (state) {
        case 'proceeding':
          if (status >= 300) refuse()
          else if (status >= 200) {
            state = 'accepted'
            deadline(TRANSACTION_MS)
          }
          return true
        case 'accepted':
          return status >= 200 && status < 300
        case 'completed':
        case 'confirmed':
        case 'terminated':
          return false
      }
    },
    repeated: () => state === 'proceeding' || state === 'completed',
    acknowledged() {
      switch (state) {
        case 'completed':
          state = 'confirmed'
          cancelRetransmission()
          deadline(reliable ? 0 : T4_MS)
          return 'absorb'
        case 'accepted':
          return 'pass'
        case 'proceeding':
        case 'confirmed':
        case 'terminated':
          return 'absorb'
      }
    },
    stop: end,
  }
}
