import type { Clock } from '../../cpm/clock.js'
import { T1_MS, TIMER_C_MS, TIMER_D_MS, TRANSACTION_MS } from './timers.js'

/** `cancelling` is Proceeding after our CANCEL: the final answer is now due (RFC 3261 §9.1). */
export type InviteClientState = 'calling' | 'proceeding' | 'cancelling' | 'accepted' | 'completed' | 'terminated'

/** What becomes of a response: told to the user, answered by an ACK of the transaction, both, or neither. */
export type InviteClientVerdict = 'pass' | 'acknowledge' | 'acknowledgeAndPass' | 'absorb'

export interface InviteClientOptions {
  readonly clock: Clock
  /** With a reliable transport nothing is retransmitted, and timers A and D are not used. */
  readonly reliable: boolean
  /** Timer A. */
  readonly retransmit: () => void
  /** No answer in 64*T1 (timer B), or no final one in 64*T1 after a CANCEL. The transaction has ended. */
  readonly timedOut: () => void
  /** Timer C: provisional answers only, for 185 s. The transaction goes on; the user should send CANCEL. */
  readonly overdue: () => void
  /** The transaction can be forgotten: timers D, M, or `timedOut`. Not called after `stop`. */
  readonly ended: () => void
}

/** One INVITE client transaction (RFC 3261 §17.1.1, with Accepted of RFC 6026 §7.2). Starts when made. */
export interface InviteClient {
  readonly state: InviteClientState
  /** A response came. Every 2xx is passed, retransmitted and forked ones too, until timer M. */
  receive(status: number): InviteClientVerdict
  /** CANCEL was sent; it may only be sent in state `proceeding`. */
  cancelled(): void
  /** A transport error, or the end of the server. */
  stop(): void
}

export function inviteClient(options: InviteClientOptions): InviteClient {
  const { clock, reliable, retransmit } = options
  let state: InviteClientState = 'calling'
  let interval = T1_MS
  let cancelRetransmission = () => {}
  let cancelDeadline = () => {}

  function deadline(ms: number): void {
    cancelDeadline()
    cancelDeadline = clock.after(ms, due)
  }

  function due(): void {
    switch (state) {
      case 'calling':
      case 'cancelling':
        end()
        options.timedOut()
        options.ended()
        return
      case 'proceeding':
        options.overdue()
        return
      case 'accepted':
      case 'completed':
        end()
        options.ended()
        return
      case 'terminated':
        return
    }
  }

  function end(): void {
    state = 'terminated'
    cancelRetransmission()
    cancelDeadline()
  }

  function scheduleRetransmission(): void {
    cancelRetransmission = clock.after(interval, () => {
      interval *= 2
      scheduleRetransmission()
      retransmit()
    })
  }

  function provisional(): InviteClientVerdict {
    cancelRetransmission()
    if (state === 'calling') state = 'proceeding'
    if (state === 'proceeding') deadline(TIMER_C_MS)
    return 'pass'
  }

  function final(status: number): InviteClientVerdict {
    cancelRetransmission()
    if (status < 300) {
      state = 'accepted'
      deadline(TRANSACTION_MS)
      return 'pass'
    }
    state = 'completed'
    deadline(reliable ? 0 : TIMER_D_MS)
    return 'acknowledgeAndPass'
  }

  if (!reliable) scheduleRetransmission()
  deadline(TRANSACTION_MS)

  return {
    get state() {
      return state
    },
    receive(status) {
      switch (state) {
        case 'calling':
        case 'proceeding':
        case 'cancelling':
          return status < 200 ? provisional() : final(status)
        case 'accepted':
          return status >= 200 && status < 300 ? 'pass' : 'absorb'
        case 'completed':
          return status >= 300 ? 'acknowledge' : 'absorb'
        case 'terminated':
          return 'absorb'
      }
    },
    cancelled() {
      if (state !== 'proceeding') return
      state = 'cancelling'
      deadline(TRANSACTION_MS)
    },
    stop: end,
  }
}
