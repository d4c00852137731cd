import type { Clock } from '../../cpm/clock.js'
import { StoredAck } from '../invite/stored-ack.js'
import { field, type SipResponse } from '../message/message.js'
import type { Flow } from '../transport/flow.js'
import { refreshTarget, sequenceOf } from './create.js'
import { type Dialog, setTimer } from './dialog.js'
import type { DialogSender } from './dialog-sender.js'
import { MIN_SE_SECONDS, type SessionExpires, sessionDelay, sessionExpires } from './session-expires.js'

/** Where a refresh met another INVITE: the range RFC 3261 §14.1 gives the owner of the Call-ID. */
const GLARE_MS = 2_100
const GLARE_SPREAD_MS = 1_900

export interface Refresh {
  /** The 2xx to an INVITE or UPDATE. */
  readonly response: SipResponse
  /** Who sent the INVITE or UPDATE: `uac` in Session-Expires means him. */
  readonly requestedBy: 'us' | 'peer'
  /** What we said of the session in it; empty if nothing new. */
  readonly localBody: string
}

/** One refresh by the server. */
interface Round {
  readonly dialog: Dialog
  readonly expires: SessionExpires
  readonly method: 'INVITE' | 'UPDATE'
  readonly ack: StoredAck
}

/** Session timers (RFC 4028): dialogs are refreshed by the server, or ended when the peer does not refresh them. */
export class SessionTimers {
  readonly #clock: Clock
  readonly #sender: DialogSender
  /** The last session description of ours, of dialogs with a timer. */
  readonly #bodies = new WeakMap<Dialog, string>()

  constructor(clock: Clock, sender: DialogSender) {
    this.#clock = clock
    this.#sender = sender
  }

  /** Starts the timer anew, or ends it, as a 2xx says. */
  refreshed(dialog: Dialog, { response, requestedBy, localBody }: Refresh): void {
    const expires = sessionExpires(response)
    if (!expires || expires.seconds === 0) {
      setTimer(dialog, 'session', () => {})
      return
    }
    if (localBody.startsWith('v=0')) this.#bodies.set(dialog, localBody)
    const weRefresh = (expires.refresher ?? 'uac') === (requestedBy === 'us' ? 'uac' : 'uas')
    this.#schedule(dialog, expires, weRefresh)
  }

  /** What we said of the session in an ACK. */
  described(dialog: Dialog, localBody: string): void {
    if (dialog.timers.has('session') && localBody.startsWith('v=0')) this.#bodies.set(dialog, localBody)
  }

  #schedule(dialog: Dialog, expires: SessionExpires, weRefresh: boolean, delayMs?: number): void {
    const due = () => {
      if (weRefresh) this.#refresh(dialog, expires)
      else this.#sender.bye(dialog, 'Session timer expired')
    }
    const delay = delayMs ?? sessionDelay(expires.seconds, weRefresh)
    setTimer(dialog, 'session', this.#clock.after(delay, due))
  }

  #refresh(dialog: Dialog, expires: SessionExpires): void {
    if (dialog.reinvite !== 'none') {
      this.#schedule(dialog, expires, true, GLARE_MS)
      return
    }
    const body = this.#bodies.get(dialog) ?? ''
    const round: Round = { dialog, expires, method: body === '' ? 'UPDATE' : 'INVITE', ack: new StoredAck() }
    const headers = [
      field('Session-Expires', `${expires.seconds};refresher=uac`),
      field('Min-SE', String(MIN_SE_SECONDS)),
      ...(body === '' ? [] : [field('Content-Type', 'application/sdp')]),
    ]
    // Should no good answer come, the session is over at its time.
    const left = sessionDelay(expires.seconds, false) - sessionDelay(expires.seconds, true)
    setTimer(
      dialog,
      'session',
      this.#clock.after(Math.max(left, 0), () => this.#expire(dialog)),
    )
    if (round.method === 'INVITE') dialog.reinvite = 'ours'
    let done = false
    const answered = (response: SipResponse, flow: Flow) => {
      if (response.status < 200) return
      if (done) round.ack.repeat()
      else this.#answered(round, response, flow)
      done = true
    }
    this.#sender.send(dialog, { method: round.method, headers, body }, answered, () => this.#expire(dialog))
  }

  #answered({ dialog, expires, method, ack }: Round, response: SipResponse, flow: Flow): void {
    if (method === 'INVITE') dialog.reinvite = 'none'
    const { status } = response
    if (status < 300) {
      refreshTarget(dialog, response, flow)
      const sequence = sequenceOf(response)
      if (method === 'INVITE') this.#sender.acknowledge(dialog, { headers: [], body: '', sequence }, ack.sent)
      this.refreshed(dialog, { response, requestedBy: 'us', localBody: '' })
    } else if (status === 408 || status === 481) this.#expire(dialog)
    else if (status === 491) this.#schedule(dialog, expires, true, GLARE_MS + Math.random() * GLARE_SPREAD_MS)
  }

  #expire(dialog: Dialog): void {
    this.#sender.bye(dialog, 'Session timer expired')
  }
}
