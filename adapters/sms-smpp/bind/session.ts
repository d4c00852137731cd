import type { Clock } from '../../../gateway/cpm/clock.js'
import { encodePdu, responseTo } from '../wire/pdu.js'
import type { Command, FieldsOf, Pdu, PduFault, ShortMessage, Tlv } from '../wire/types.js'
import { createAlarm } from './alarm.js'
import { type BindRequest, readBindAnswer } from './bind-answer.js'
import { createIntake, type Incoming, type Respond } from './intake.js'
import { type Answer, createRequests } from './requests.js'
import { type Due, due, type TimerLimits } from './timers.js'

const ROK = 0x00
const RINVBNDSTS = 0x04
const RX_T_APPN = 0x64
const REQUESTS_LOST_IN_ROW = 3
const PROTOCOL_ERRORS = 3
const PROTOCOL_ERROR_SPAN_MS = 60_000

/** Why a session is over. `clean`: the peer had our answers, so nothing will be repeated. */
export interface SessionEnd {
  readonly why: string
  readonly detail: string
  readonly refused: boolean
  readonly clean: boolean
}

export interface SessionSettings extends BindRequest {
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

/** What is asked about a message that the centre has. */
export type OperatorCommand = 'cancel_sm' | 'replace_sm'

const ANSWERS = {
  submit_sm: 'submit_sm_resp',
  cancel_sm: 'cancel_sm_resp',
  replace_sm: 'replace_sm_resp',
} as const satisfies Record<OperatorCommand | 'submit_sm', Command>

type State = 'binding' | 'bound' | 'draining' | 'unbinding' | 'dismissed' | 'closed'

/** One bind, from bind request to the end of the connection (SMPP 3.4 §2). */
export interface Session<Note> {
  receive(pdu: Pdu): void
  fault(fault: PduFault): void
  broken(fault: string, answer: { readonly status: number; readonly sequence: number } | undefined): void
  disconnected(detail: string): void
  /** Sends a submit_sm; `done` is called once. Only while `free()` is above 0. Throws EncodeError. */
  submit(fields: ShortMessage, tlvs: readonly Tlv[], note: Note, done: (answer: Answer) => void): void
  /** Sends another request on the same terms. */
  request<C extends OperatorCommand>(command: C, fields: FieldsOf[C], note: Note, done: (answer: Answer) => void): void
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
  let state: State = 'binding'
  let phaseSince = clock.now()
  let receivedAt = phaseSince
  let enquiredAt: number | undefined
  let peerVersion: number | undefined
  let errorsAt: number[] = []
  /** Number of the unbind of the peer that waits for its answer. */
  let dismissal = 0

  const send = <C extends Command>(command: C, status: number, sequence: number, fields?: FieldsOf[C]) =>
    port.write(encodePdu(command, status, sequence, fields))

  const requests = createRequests<Note>(settings.window, events.late)
  const intake = createIntake(settings.incoming, {
    incoming: events.incoming,
    answer(pdu, status) {
      if (state === 'closed') return false
      send(pdu.command === 'deliver_sm' ? 'deliver_sm_resp' : 'data_sm_resp', status, pdu.sequence, { message_id: '' })
      goOnIfIdle()
      return true
    },
    hold: port.hold,
    release: port.release,
  })
  const alarm = createAlarm(clock, () => onAlarm())

  const enter = (next: State) => {
    state = next
    phaseSince = clock.now()
    alarm.by(look(phaseSince).next)
  }

  const over = (end: SessionEnd) => {
    if (state === 'closed') return
    state = 'closed'
    alarm.cancel()
    events.closed(end)
    requests.lose()
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
        oldestSentAt: requests.oldestSentAt(),
      },
      settings.limits,
      now,
    )

  const onAlarm = () => {
    const now = clock.now()
    for (let step = look(now); step.act !== 'nothing'; step = look(now)) {
      if (step.act === 'close') {
        if (state === 'draining') return unbind()
        if (state === 'dismissed') return obeyUnbind()
        return close(step.why ?? 'timeout', `no answer in time (${step.why})`, false, state === 'unbinding')
      }
      if (step.act === 'enquire') {
        enquiredAt = now
        send('enquire_link', ROK, requests.nextSequence())
      } else if (!expire(now)) return
    }
    alarm.by(look(now).next)
  }

  /** Gives up requests that have waited too long; false when that closed the link. */
  const expire = (now: number): boolean => {
    const lostInRow = requests.expire(now - settings.limits.request)
    if (lostInRow >= REQUESTS_LOST_IN_ROW) {
      close('unanswered', `${lostInRow} requests in a row without an answer`)
      return false
    }
    events.free()
    return true
  }

  const onAnswer = (pdu: Pdu) => {
    const fate = requests.answer(pdu)
    if (fate === 'unexpected') return events.odd('unexpected_response')
    if (fate === 'late') return
    if (state !== 'bound') return goOnIfIdle()
    // The centre has forgotten this bind: only a new one helps.
    if (pdu.status === RINVBNDSTS) return close('not-bound', 'the centre says that we are not bound')
    events.free()
  }

  const unbind = () => {
    enter('unbinding')
    send('unbind', ROK, requests.nextSequence())
  }

  const obeyUnbind = () => {
    send('unbind_resp', ROK, dismissal)
    close('peer-unbind', 'the centre has unbound', false, intake.waiting() === 0)
  }
  /** Goes on with leaving once nothing is under way in either direction. */
  const goOnIfIdle = () => {
    if (requests.used() > 0 || intake.waiting() > 0) return
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

  /** What any state says to a request that is not its business. */
  const refuse = (pdu: Pdu, status = RINVBNDSTS) => {
    const answer = responseTo(pdu.command)
    if (answer) send(answer, status, pdu.sequence)
    else events.odd(`unexpected_${pdu.command}`)
  }

  const whileBinding = (pdu: Pdu) => {
    const answer = readBindAnswer(pdu, settings.kind)
    if (answer?.kind === 'refused') return close('bind-refused', answer.detail, answer.credentials)
    if (answer) {
      peerVersion = answer.peerVersion
      enter('bound')
      return events.bound()
    }
    if (pdu.command === 'unbind') return close('peer-unbind', 'the centre unbound before the bind')
    if (pdu.command === 'enquire_link') return send('enquire_link_resp', ROK, pdu.sequence)
    return responseTo(pdu.command) ? refuse(pdu) : events.odd('unexpected_response')
  }

  const whileUp = (pdu: Pdu) => {
    switch (pdu.command) {
      case 'deliver_sm':
      case 'data_sm':
        return state === 'unbinding' ? refuse(pdu, RX_T_APPN) : intake.take(pdu)
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
        if (state === 'unbinding') return close('stopped', 'unbound', false, intake.waiting() === 0)
        return events.odd('unexpected_response')
      case 'alert_notification':
        return
      default:
        return responseTo(pdu.command) ? refuse(pdu) : onAnswer(pdu)
    }
  }

  const ask = <C extends OperatorCommand | 'submit_sm'>(
    command: C,
    fields: FieldsOf[C],
    tlvs: readonly Tlv[],
    note: Note,
    done: (answer: Answer) => void,
  ) => {
    const sequence = requests.nextSequence()
    const now = clock.now()
    port.write(encodePdu(command, ROK, sequence, fields, tlvs))
    requests.open(sequence, ANSWERS[command], now, note, done)
    alarm.by(now + settings.limits.request)
  }

  send(`bind_${settings.kind}`, ROK, requests.nextSequence(), settings.bind)
  alarm.by(look(phaseSince).next)

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
      over({ why: 'disconnected', detail, refused: false, clean: state === 'unbinding' && intake.waiting() === 0 })
    },
    submit: (fields, tlvs, note, done) => ask('submit_sm', fields, tlvs, note, done),
    request: (command, fields, note, done) => ask(command, fields, [], note, done),
    free: () => (state === 'bound' && settings.kind !== 'receiver' ? requests.free() : 0),
    used: requests.used,
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
