import { randomBytes } from 'node:crypto'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import type { ComponentOptions } from '../profile.js'
import { backoff } from './backoff.js'
import { type Connection, type ConnectionEnd, openConnection } from './connection.js'
import { createDialer } from './dial.js'
import { attribute, tag } from './element.js'
import { createLedger, type Entry, type Taken } from './ledger.js'
import { NS } from './names.js'
import { createQuestions } from './questions.js'

export interface Parcel {
  /** Id of the stanza; by it and its addressee it is known when it comes back. */
  readonly id: string
  /** Bare JID it goes to. */
  readonly to: string
  readonly stanza: string
  /** ms since 1970; not written after it. */
  readonly expiresAt: number
  readonly giveUp: AbortSignal
  readonly late?: (taken: Taken) => void
}

export interface ComponentState {
  readonly state: 'connecting' | 'up' | 'refused' | 'stopped'
  readonly since: number
  readonly detail: string
}

/** One component of an XMPP server: a domain of ours there, connected again whenever the connection is lost. */
export interface Component {
  readonly options: ComponentOptions
  start(): void
  /** Writes a stanza when there is room for it; resolves when it is known whether the server has it. */
  deliver(parcel: Parcel): Promise<Taken>
  /** Writes a stanza nobody waits for; false when the connection is down or choked. */
  tell(stanza: string): boolean
  /** Asks somebody by an `iq` without its id; undefined when there is no answer in time. */
  ask(to: string, from: string, type: 'get' | 'set', payload: string): Promise<XmlElement | undefined>
  /** Stanzas that may be under way; 0 while the connection is down. */
  capacity(): number
  state(): ComponentState
  /** Reads no further until `resume`. */
  pause(): void
  resume(): void
  /** Takes nothing new, waits for what is under way, closes. */
  leave(): Promise<void>
  abort(): void
}

export interface ComponentEvents {
  stanza(component: Component, element: XmlElement): void
  oversized(component: Component, element: XmlElement): void
  changed(component: Component): void
  fault(condition: string): void
}

/** Pings under way at once; stanzas written meanwhile are proven by the next one. */
const PINGS = 16
/** A ping goes after so many stanzas at the latest, so that a broken connection leaves few in doubt. */
const STANZAS_A_PING = 16

export function createComponent(options: ComponentOptions, clock: Clock, events: ComponentEvents): Component {
  const { domain, server, window, timers } = options
  const dialer = createDialer(options.tls)
  const addresses = [{ host: options.host, port: options.port }, ...options.alternates]
  const ledger = createLedger()
  const questions = createQuestions(clock, timers.answer)
  const queue = new Set<{ readonly parcel: Parcel; readonly settle: (taken: Taken) => void }>()
  const heeded = new WeakSet<AbortSignal>()
  let connection: Connection | undefined
  let state: ComponentState = { state: 'connecting', since: clock.now(), detail: 'not started' }
  let upAt: number | undefined
  /** Stanzas that may be in doubt at once: few on a new connection, so that one that breaks all the time still carries some. */
  let allowance = 0
  let heardAt = 0
  let failures = 0
  /** Addresses tried in vain one after another. */
  let inVain = 0
  let leaving = false
  let paused = false
  let pingScheduled = false
  let cancelRetry = () => {}
  let cancelWatch = () => {}
  let whenEmpty = () => {}

  function become(next: ComponentState['state'], detail: string): void {
    if (state.state !== next) state = { state: next, since: clock.now(), detail }
    else state = { ...state, detail }
    events.changed(component)
  }

  function open(): void {
    const [address] = addresses
    if (address === undefined) return
    const { secret, limits } = options
    const opened = openConnection(
      { address, dialer, domain, secret, limits },
      {
        ready() {
          cancelGiveUp()
          inVain = 0
          upAt = heardAt = clock.now()
          allowance = Math.min(window, STANZAS_A_PING)
          become('up', 'connected')
          if (paused) opened.pause()
          watch()
          pump()
        },
        stanza: receive,
        oversized(element) {
          heardAt = clock.now()
          events.oversized(component, element)
        },
        fault: events.fault,
        end(end) {
          cancelGiveUp()
          ended(end)
        },
      },
    )
    const cancelGiveUp = clock.after(timers.connect, () => opened.abort())
    connection = opened
  }

  function ended({ refused, said }: ConnectionEnd): void {
    connection = undefined
    cancelWatch()
    const heldMs = upAt === undefined ? 0 : clock.now() - upAt
    if (upAt === undefined) turn()
    upAt = undefined
    ledger.drain(said)
    questions.drain()
    if (leaving) {
      become('stopped', 'stopped')
      whenEmpty()
      return
    }
    become(refused ? 'refused' : 'connecting', said)
    // What waits goes back to the spool: it is tried when the flow opens again.
    dismiss('the connection was lost')
    if (inVain % addresses.length !== 0) {
      cancelRetry = clock.after(0, open)
      return
    }
    const next = backoff(timers, { refused, heldMs }, failures, Math.random())
    failures = next.failures
    cancelRetry = clock.after(next.delayMs, open)
  }

  /** The next address comes first. */
  function turn(): void {
    addresses.push(...addresses.splice(0, 1))
    inVain += 1
  }

  function dismiss(said: string): void {
    for (const waiting of queue) waiting.settle({ kind: 'unsent', said })
    queue.clear()
  }

  /** One listener for a signal, however many wait under it. */
  function heed(giveUp: AbortSignal): void {
    if (heeded.has(giveUp)) return
    heeded.add(giveUp)
    giveUp.addEventListener(
      'abort',
      () => {
        for (const waiting of queue) {
          if (waiting.parcel.giveUp !== giveUp) continue
          queue.delete(waiting)
          waiting.settle({ kind: 'unsent', said: 'the gateway stops' })
        }
      },
      { once: true },
    )
  }

  function receive(element: XmlElement): void {
    heardAt = clock.now()
    const id = attribute(element, 'id')
    const type = attribute(element, 'type')
    if (element.local === 'iq' && id !== undefined && (type === 'result' || type === 'error')) {
      if (attribute(element, 'from') === server && ledger.answered(id)) {
        allowance = Math.min(window, allowance * 2)
        pump()
      } else questions.answer(id, attribute(element, 'from') ?? server, element)
      return
    }
    if (type === 'error' && element.local === 'message' && id !== undefined) {
      const from = (attribute(element, 'from') ?? '').split('/', 1)[0] ?? ''
      if (ledger.returned(id, from.toLowerCase(), element)) {
        pump()
        return
      }
    }
    events.stanza(component, element)
  }

  const isUp = () => upAt !== undefined && connection !== undefined

  /** Writes what waits while there is room, and has it proven. */
  function pump(): void {
    if (!isUp()) return
    for (const waiting of queue) {
      if (ledger.size() >= allowance || !connection?.writable()) break
      queue.delete(waiting)
      write(waiting.parcel, waiting.settle)
    }
    if (ledger.unpinged() > 0) schedulePing()
    if (leaving && ledger.size() === 0 && queue.size === 0) connection?.close()
  }

  function write(parcel: Parcel, settle: (taken: Taken) => void): void {
    if (parcel.giveUp.aborted || parcel.expiresAt <= clock.now()) {
      settle(parcel.giveUp.aborted ? { kind: 'unsent', said: 'the gateway stops' } : { kind: 'expired' })
      return
    }
    const entry: Entry = { id: parcel.id, to: parcel.to, settle, late: parcel.late }
    connection?.write(parcel.stanza)
    ledger.add(entry)
    if (ledger.unpinged() >= STANZAS_A_PING && ledger.pings() < PINGS) ping()
  }

  /** One ping for all that is written in one turn. */
  function schedulePing(): void {
    if (pingScheduled || ledger.pings() >= PINGS) return
    pingScheduled = true
    setImmediate(() => {
      pingScheduled = false
      if (isUp()) ping()
    })
  }

  function ping(): void {
    const id = randomBytes(9).toString('base64url')
    connection?.write(tag('iq', { type: 'get', id, from: domain, to: server }, tag('ping', { xmlns: NS.ping })))
    ledger.pinged(id, clock.now())
  }

  /** Looks after time: what has not been answered is lost; a silent server is asked, and left when it stays silent. */
  function watch(): void {
    const look = Math.max(5, Math.min(timers.answer, timers.keepalive) / 4)
    cancelWatch = clock.after(look, () => {
      const now = clock.now()
      ledger.expire(now - timers.answer)
      if (!paused && now - heardAt > timers.keepalive + timers.dead) return connection?.abort()
      if (now - heardAt >= timers.keepalive && ledger.pings() === 0) ping()
      pump()
      watch()
    })
  }

  const component: Component = {
    options,
    start: open,
    deliver(parcel) {
      if (!isUp() || leaving) return Promise.resolve({ kind: 'unsent', said: `no connection as ${domain}` })
      return new Promise((settle) => {
        queue.add({ parcel, settle })
        heed(parcel.giveUp)
        pump()
      })
    },
    tell(stanza) {
      if (!isUp() || !connection?.writable()) return false
      connection.write(stanza)
      return true
    },
    ask(to, from, type, payload) {
      const { id, answer } = questions.put(to)
      if (id === undefined || !component.tell(tag('iq', { type, id, to, from }, payload)))
        return Promise.resolve(undefined)
      return answer
    },
    capacity: () => (isUp() && !leaving ? window : 0),
    state: () => state,
    pause() {
      paused = true
      connection?.pause()
    },
    resume() {
      paused = false
      heardAt = clock.now()
      connection?.resume()
    },
    leave() {
      leaving = true
      cancelRetry()
      dismiss('the gateway stops')
      if (connection === undefined) {
        become('stopped', 'stopped')
        return Promise.resolve()
      }
      return new Promise((resolve) => {
        whenEmpty = resolve
        if (ledger.size() === 0) connection?.close()
      })
    },
    abort() {
      leaving = true
      cancelRetry()
      connection?.abort()
    },
  }
  return component
}
