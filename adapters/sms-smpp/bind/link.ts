import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Clock } from '../../../gateway/cpm/clock.js'
import { type Connection, connectionOver } from './connection.js'
import type { Incoming, Respond } from './intake.js'
import { type BackoffLimits, backoff } from './reconnect.js'
import type { Answer } from './requests.js'
import { openSession, type Session, type SessionEnd, type SessionSettings } from './session.js'

export interface LinkState {
  readonly state: 'connecting' | 'binding' | 'bound' | 'waiting' | 'refused' | 'stopped'
  readonly since: number
  readonly detail: string
}

export interface LinkEvents<Note> {
  changed(): void
  bound(sessionId: string): void
  ended(sessionId: string, end: SessionEnd): void
  incoming(pdu: Incoming, respond: Respond, sessionId: string): void
  late(note: Note, answer: Answer): void
  free(): void
  odd(name: string): void
  protocolError(name: string): void
  reconnect(): void
}

export interface LinkSettings {
  readonly name: string
  readonly session: SessionSettings
  readonly connectMs: number
  readonly backoff: BackoffLimits
  /** Opens the connection, or undefined when the peer does that (outbind). `ready` is called when it can carry octets. */
  readonly dial: ((ready: () => void) => Socket) | undefined
}

/** One place in the account's set of binds: keeps one session up, over as many connections as that takes. */
export interface Link<Note> {
  readonly name: string
  start(): void
  /** Binds over a connection the peer has opened. */
  adopt(connection: Connection): void
  session(): Session<Note> | undefined
  state(): LinkState
  /** Unbinds after what is in flight, and does not come back. */
  leave(): void
  abort(): void
}

export function createLink<Note>(settings: LinkSettings, clock: Clock, events: LinkEvents<Note>): Link<Note> {
  let session: Session<Note> | undefined
  let current: LinkState = { state: 'waiting', since: clock.now(), detail: 'not started' }
  let failures = 0
  let stopped = false
  let cancelTimer = () => {}
  let hangUp = () => {}

  const become = (state: LinkState['state'], detail: string) => {
    current = { state, since: clock.now(), detail }
    events.changed()
  }

  const again = (detail: string, refused: boolean, heldMs: number) => {
    if (stopped) return become('stopped', detail)
    if (!settings.dial) return become(refused ? 'refused' : 'waiting', detail)
    const next = backoff(settings.backoff, { refused, heldMs }, failures, Math.random())
    failures = next.failures
    cancelTimer = clock.after(next.delayMs, connect)
    become(refused ? 'refused' : 'waiting', `${detail}; next try in ${next.delayMs} ms`)
  }

  const openOver = (connection: Connection) => {
    const id = randomUUID()
    let boundAt: number | undefined
    const opened = openSession<Note>(settings.session, connection, clock, {
      bound() {
        boundAt = clock.now()
        become('bound', 'bound')
        events.bound(id)
      },
      closed(end) {
        session = undefined
        if (boundAt !== undefined) events.ended(id, end)
        again(end.detail, end.refused, boundAt === undefined ? 0 : clock.now() - boundAt)
      },
      incoming: (pdu, respond) => events.incoming(pdu, respond, id),
      late: events.late,
      free: events.free,
      odd: events.odd,
      protocolError: events.protocolError,
    })
    session = opened
    connection.handOver({
      pdu: opened.receive,
      fault: opened.fault,
      broken: opened.broken,
      closed: opened.disconnected,
    })
    hangUp = () => opened.abort('given up')
    become('binding', 'bind sent')
  }

  const connect = () => {
    if (stopped || !settings.dial) return
    if (failures > 0) events.reconnect()
    let settled = false
    const socket = settings.dial(() => {
      if (settled) return
      settled = true
      cancelTimer()
      openOver(connection)
    })
    const fail = (detail: string) => {
      if (settled) return
      settled = true
      cancelTimer()
      connection.destroy()
      again(detail, false, 0)
    }
    const connection = connectionOver(socket, { pdu() {}, fault() {}, broken: fail, closed: fail })
    hangUp = () => fail('given up')
    cancelTimer = clock.after(settings.connectMs, () => fail('no connection in time'))
    become('connecting', 'connecting')
  }

  return {
    name: settings.name,
    start: connect,
    adopt: openOver,
    session: () => session,
    state: () => current,
    leave() {
      stopped = true
      cancelTimer()
      if (session) session.leave()
      else hangUp()
      if (!session) become('stopped', 'stopped')
    },
    abort() {
      stopped = true
      cancelTimer()
      hangUp()
    },
  }
}
