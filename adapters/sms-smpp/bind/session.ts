import type { Clock } from '../../../gateway/cpm/clock.js'
import { encodePdu, responseTo } from '../wire/pdu.js'
import { tlvInt } from '../wire/tlv.js'
import type { Bind, Command, FieldsOf, Pdu, PduFault, ShortMessage, Tlv } from '../wire/types.js'
import { type Due, due, type TimerLimits } from './timers.js'
import { createWindow, type Pending } from './window.js'

const ROK = 0x00
const RINVBNDSTS = 0x04
const RX_T_APPN = 0x64
const REFUSING_BIND = new Set([0x05, 0x0d, 0x0e, 0x0f, 0x53])
/** 0x05 says only that an earlier bind has not been noticed dead yet: no reason to stay away for long. */
const RALYBND = 0x05
const REQUESTS_LOST_IN_ROW = 3
const PROTOCOL_ERRORS = 3
const PROTOCOL_ERROR_SPAN_MS = 60_000

export type BindKind = 'transceiver' | 'transmitter' | 'receiver'

/** What became of a request: the answer, or why there is none. */
export type Answer =
  | { readonly kind: 'answered'; readonly status: number; readonly pdu: Pdu }
  | { readonly kind: 'lost'; readonly why: 'timeout' | 'closed' }

/** Why a session is over. `clean`: the peer had our answers, so nothing will be repeated. */
export interface SessionEnd {
  readonly why: string
  readonly detail: string
  readonly refused: boolean
  readonly clean: boolean
}

export interface SessionSettings {
  readonly kind: BindKind
  readonly bind: Bind
  readonly window: number
  readonly incoming: number
  readonly limits: TimerLimits
}

/** The connection as the session sees it. */
export interface PduPort {
  write(bytes: Buffer): void
  hold(): void
  release(): void
  end(): void
  destroy(): void
}

export type Incoming = Pdu<'deliver_sm'> | Pdu<'data_sm'>
/** Takes back what is known about an answer: whether it was written. */
export type Respond = (status: number) => boolean

export interface SessionEvents<Note> {
  bound(): void
  closed(end: SessionEnd): void
  /** A message or receipt; `respond` is to be called once, when the matter is stored or refused. */
  incoming(pdu: Incoming, respond: Respond): void
  /** The answer to a request that had timed out. */
  late(note: Note, answer: Answer): void
  /** A place in the window has become free. */
  free(): void
  odd(name: string): void
  protocolError(name: string): void
}

type State = 'binding' | 'bound' | 'draining' | 'unbinding' | 'dismissed' | 'closed'

interface Request<Note> {
  readonly note: Note
  readonly done: (answer: Answer) => void
}

/** One bind, from bind request to the end of the connection (SMPP 3.4 §2). */
export interface Session<Note> {
  receive(pdu: Pdu): void
  fault(fault: PduFault): void
  broken(fault: string, answer: { readonly status: number; readonly sequence: number } | undefined): void
  disconnected(detail: string): void
  /** Sends a submit_sm; `done` is called once. Only while `free()` is above 0. Throws EncodeError. */
  submit(fields: ShortMessage, tlvs: readonly Tlv[], note: Note, done: (answer: Answer) => void): void
  /** Places for requests; 0 when none may be sent. */
  free(): number
  used(): number
  /** interface_version of the peer, if it said one. */
  peerVersion(): number | undefined
  /** Waits for answers, unbinds, closes. */
  leave(): void
  /** Closes at once. */
  abort(why: string): void
  isBound(): boolean
}

export function openSession<Note>(
  settings: SessionSettings,
  port: PduPort,
  clock: Clock,
  events: SessionEvents<Note>,
): Session<Note> {
  const window = createWindow<Request<Note>>(settings.window)
  let state: State = 'binding'
  let phaseSince = clock.now()
  let receivedAt = phaseSince
  let enquiredAt: number | undefined
  let peerVersion: number | undefined
  let storing = 0
  let lostInRow = 0
  let errorsAt: number[] = []
  let alarmAt = Number.POSITIVE_INFINITY
  let cancelAlarm = () => {}
  /** Number of the unbind of the peer that waits for its answer. */
  let dismissal = 0

  const send = <C extends Command>(command: C, status: number, sequence: number, fields?: FieldsOf[C]) =>
    port.write(encodePdu(command, status, sequence, fields))

  const enter = (next: State) => {
    state = next
    phaseSince = clock.now()
    arm(0)
  }

  const over = (end: SessionEnd) => {
    if (state === 'closed') return
    state = 'closed'
    cancelAlarm()
    const unanswered = window.drain()
    events.closed(end)
    for (const pending of unanswered) pending.note.done({ kind: 'lost', why: 'closed' })
  }
  const close = (why: string, detail: string, refused = false, clean = false) => {
    if (state === 'closed') return
    port.end()
    over({ why, detail, refused, clean })
  }

  const look = (now: number): Due =>
    due(
      {
        phase: state === 'binding' ? 'binding' : state === 'bound' ? 'bound' : 'leaving',
        phaseSince,
        receivedAt,
        enquiredAt,
        oldestSentAt: window.oldestSentAt(),
      },
      settings.limits,
      now,
    )

  /** Makes sure that the one timer looks at `moment` or before; 0: find out when. */
  const arm = (moment: number) => {
    const at = moment === 0 ? look(clock.now()).next : moment
    if (at >= alarmAt || state === 'closed') return
    cancelAlarm()
    alarmAt = at
    cancelAlarm = clock.after(Math.max(0, at - clock.now()), onAlarm)
  }

  const onAlarm = () => {
    alarmAt = Number.POSITIVE_INFINITY
    const now = clock.now()
    for (let step = look(now); step.act !== 'nothing'; step = look(now)) {
      if (step.act === 'close') {
        if (state === 'draining') return unbind()
        if (state === 'dismissed') return obeyUnbind()
        return close(step.why ?? 'timeout', `no answer in time (${step.why})`, false, state === 'unbinding')
      }
      if (step.act === 'enquire') {
        enquiredAt = now
        send('enquire_link', ROK, window.nextSequence())
      } else if (!expire(now)) return
    }
    arm(0)
  }

  /** Gives up requests that have waited too long; false when that closed the link. */
  const expire = (now: number): boolean => {
    const lost = window.expire(now - settings.limits.request)
    lostInRow += lost.length
    for (const pending of lost) pending.note.done({ kind: 'lost', why: 'timeout' })
    if (lostInRow >= REQUESTS_LOST_IN_ROW) {
      close('unanswered', `${lostInRow} requests in a row without an answer`)
      return false
    }
    events.free()
    return true
  }

  const settle = (pending: Pending<Request<Note>>, pdu: Pdu) => {
    lostInRow = 0
    pending.note.done({ kind: 'answered', status: pdu.status, pdu })
    if (state !== 'bound') return goOnIfIdle()
    // The centre has forgotten this bind: only a new one helps.
    if (pdu.status === RINVBNDSTS) return close('not-bound', 'the centre says that we are not bound')
    events.free()
  }

  const onAnswer = (pdu: Pdu) => {
    const pending = window.close(pdu.sequence, pdu.command === 'generic_nack' ? 'any' : pdu.command)
    if (pending) return settle(pending, pdu)
    const late = window.late(pdu.sequence, pdu.command)
    if (late) return events.late(late.note.note, { kind: 'answered', status: pdu.status, pdu })
    events.odd('unexpected_response')
  }

  const unbind = () => {
    enter('unbinding')
    send('unbind', ROK, window.nextSequence())
  }

  const obeyUnbind = () => {
    send('unbind_resp', ROK, dismissal)
    close('peer-unbind', 'the centre has unbound', false, storing === 0)
  }
  /** Goes on with leaving once nothing is under way in either direction. */
  const goOnIfIdle = () => {
    if (window.used() > 0 || storing > 0) return
    if (state === 'draining') unbind()
    else if (state === 'dismissed') obeyUnbind()
  }

  const protocolError = (name: string) => {
    events.protocolError(name)
    const now = clock.now()
    errorsAt = errorsAt.filter((at) => now - at < PROTOCOL_ERROR_SPAN_MS)
    errorsAt.push(now)
    if (errorsAt.length >= PROTOCOL_ERRORS) close('protocol', `${PROTOCOL_ERRORS} protocol errors within a minute`)
  }

  const take = (pdu: Incoming) => {
    storing += 1
    if (storing === settings.incoming) port.hold()
    const command = pdu.command === 'deliver_sm' ? 'deliver_sm_resp' : 'data_sm_resp'
    let answered = false
    events.incoming(pdu, (status) => {
      if (answered) return false
      answered = true
      storing -= 1
      if (state === 'closed') return false
      send(command, status, pdu.sequence, { message_id: '' })
      if (storing === settings.incoming - 1) port.release()
      goOnIfIdle()
      return true
    })
  }

  /** What any state says to a request that is not its business. */
  const refuse = (pdu: Pdu, status = RINVBNDSTS) => {
    const answer = responseTo(pdu.command)
    if (answer) send(answer, status, pdu.sequence)
    else events.odd(`unexpected_${pdu.command}`)
  }

  const whileBinding = (pdu: Pdu) => {
    const answer = `bind_${settings.kind}_resp`
    if (pdu.command !== answer && pdu.command !== 'generic_nack') {
      if (pdu.command === 'unbind') return close('peer-unbind', 'the centre unbound before the bind')
      if (pdu.command === 'enquire_link') return send('enquire_link_resp', ROK, pdu.sequence)
      return responseTo(pdu.command) ? refuse(pdu) : events.odd('unexpected_response')
    }
    if (pdu.status !== ROK || pdu.command === 'generic_nack') {
      const status = `0x${pdu.status.toString(16).padStart(2, '0')}`
      const refused = REFUSING_BIND.has(pdu.status) && pdu.status !== RALYBND
      return close('bind-refused', `bind refused with command_status ${status}`, refused)
    }
    peerVersion = tlvInt(pdu, 'sc_interface_version')
    enter('bound')
    events.bound()
  }

  const whileUp = (pdu: Pdu) => {
    switch (pdu.command) {
      case 'deliver_sm':
      case 'data_sm':
        return state === 'unbinding' ? refuse(pdu, RX_T_APPN) : take(pdu)
      case 'submit_sm_resp':
      case 'generic_nack':
        return onAnswer(pdu)
      case 'enquire_link':
        return send('enquire_link_resp', ROK, pdu.sequence)
      case 'enquire_link_resp':
        return
      case 'unbind':
        dismissal = pdu.sequence
        enter('dismissed')
        return goOnIfIdle()
      case 'unbind_resp':
        if (state === 'unbinding') return close('stopped', 'unbound', false, storing === 0)
        return events.odd('unexpected_response')
      case 'alert_notification':
        return
      default:
        return responseTo(pdu.command) ? refuse(pdu) : onAnswer(pdu)
    }
  }

  send(`bind_${settings.kind}`, ROK, window.nextSequence(), settings.bind)
  arm(0)

  return {
    receive(pdu) {
      if (state === 'closed') return
      receivedAt = clock.now()
      enquiredAt = undefined
      for (const oddity of pdu.oddities) events.odd(oddity)
      if (state === 'binding') whileBinding(pdu)
      else whileUp(pdu)
    },
    fault(fault) {
      if (state === 'closed') return
      receivedAt = clock.now()
      if (!fault.answer) return events.odd(fault.fault)
      send(fault.answer.command, fault.answer.status, fault.sequence)
      protocolError(fault.fault)
    },
    broken(fault, answer) {
      if (state === 'closed') return
      events.protocolError(fault)
      if (answer) send('generic_nack', answer.status, answer.sequence)
      close('protocol', `the stream is not SMPP (${fault})`)
    },
    disconnected(detail) {
      over({ why: 'disconnected', detail, refused: false, clean: state === 'unbinding' && storing === 0 })
    },
    submit(fields, tlvs, note, done) {
      const sequence = window.nextSequence()
      const now = clock.now()
      port.write(encodePdu('submit_sm', ROK, sequence, fields, tlvs))
      window.open(sequence, { answer: 'submit_sm_resp', sentAt: now, note: { note, done } })
      if (now + settings.limits.request < alarmAt) arm(now + settings.limits.request)
    },
    free: () => (state === 'bound' && settings.kind !== 'receiver' ? window.free() : 0),
    used: () => window.used(),
    peerVersion: () => peerVersion,
    leave() {
      if (state === 'binding') return close('stopped', 'stopped before the bind', false, true)
      if (state !== 'bound') return
      enter('draining')
      goOnIfIdle()
    },
    abort(why) {
      if (state === 'closed') return
      port.destroy()
      over({ why, detail: why, refused: false, clean: false })
    },
    isBound: () => state === 'bound',
  }
}
