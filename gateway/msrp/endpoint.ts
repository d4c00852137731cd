import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { type Clock, systemClock } from '../cpm/clock.js'
import { acceptsType } from './accept-types.js'
import { MsrpConnection } from './connection.js'
import type { Sink } from './incoming.js'
import { MSRP_LIMITS, type MsrpLimits } from './limits.js'
import { type ListenAddress, type Listener, listen } from './listener.js'
import type { MsrpObserver } from './observer.js'
import type { RelayLease } from './relay-client.js'
import { MsrpSession, type Negotiated, type SessionHandlers } from './session.js'
import { createSources, type Sources } from './sources.js'
import { type Fingerprint, fingerprintOf, type MsrpTls, tlsConnect } from './tls.js'
import type { Request } from './wire/message.js'
import { DEFAULT_PORT, type MsrpUri, newSessionId, type Path } from './wire/uri.js'

export interface MsrpOptions {
  /** Where peers reach us. None: we can only connect. */
  readonly listen?: readonly ListenAddress[]
  readonly tls?: MsrpTls
  readonly clock?: Clock
  readonly limits?: Partial<MsrpLimits>
  /** Addresses whose connections are not limited by source; default: none. */
  readonly isUnlimited?: (host: string) => boolean
  readonly observer: MsrpObserver
  /** A relay between us and all peers (RFC 4976): our place there, undefined while there is none. Absent: peers reach us directly. */
  readonly relay?: () => RelayLease | undefined
}

export interface SessionOptions {
  /** MSRP over TLS. */
  readonly secure?: boolean
  /** Types of messages taken, as in a=accept-types; `*` is any. */
  readonly acceptTypes?: readonly string[]
  /** Octets of a message taken, as in our a=max-size. */
  readonly maxSize?: number
}

/** Whom to connect to. */
export interface Target {
  readonly secure: boolean
  readonly host: string
  readonly port: number
  /** The name the certificate has to be for. */
  readonly name: string
  readonly fingerprint?: Fingerprint
}

/** The discard port stands in the URI of one who cannot be reached (RFC 6135 §4). */
const NO_PORT = 9

/** All MSRP of one process: its ports, its connections, its sessions by their ids. */
export class MsrpEndpoint {
  readonly #options: MsrpOptions
  readonly #clock: Clock
  readonly #limits: MsrpLimits
  readonly #observer: MsrpObserver
  readonly #listeners: Listener[] = []
  readonly #connections = new Set<MsrpConnection>()
  /** Those we opened, by where they lead. */
  readonly #opened = new Map<string, Promise<MsrpConnection>>()
  readonly #connecting = new Set<Socket>()
  readonly #sessions = new Map<string, MsrpSession>()
  readonly #sources: Sources

  private constructor(options: MsrpOptions) {
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#limits = { ...MSRP_LIMITS, ...options.limits }
    this.#observer = options.observer
    this.#sources = createSources(this.#limits.connectionsPerSource, options.isUnlimited ?? (() => false))
  }

  /** Listens everywhere it shall. Rejects when an address cannot be had. */
  static async start(options: MsrpOptions): Promise<MsrpEndpoint> {
    const endpoint = new MsrpEndpoint(options)
    try {
      for (const address of options.listen ?? []) await endpoint.#listen(address)
    } catch (error) {
      await endpoint.close()
      throw error
    }
    return endpoint
  }

  /** The addresses as bound. */
  get addresses(): readonly ListenAddress[] {
    return this.#listeners.map((listener) => listener.address)
  }

  /** Our a=fingerprint; undefined without a certificate. */
  get fingerprint(): Fingerprint | undefined {
    return this.#options.tls && fingerprintOf(this.#options.tls.cert)
  }

  /** Whether peers can connect, to us or to the relay in front of us. */
  reachable(secure: boolean): boolean {
    return this.#options.relay !== undefined || this.addresses.some((address) => address.secure === secure)
  }

  get sessions(): number {
    return this.#sessions.size
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Octets held for all peers: unread bodies, heads that are not complete, what they have not taken. */
  get heldBytes(): number {
    let held = 0
    for (const connection of this.#connections) held += connection.heldBytes
    return held
  }

  /**
   * A new session, whose path can be offered; undefined when there are too many, or no place at the relay. Nothing of it arrives
   * before its `start`.
   */
  open(handlers: SessionHandlers, options: SessionOptions = {}): MsrpSession | undefined {
    const relay = this.#options.relay?.()
    const isCutOff = this.#options.relay !== undefined && relay === undefined
    if (isCutOff || this.#sessions.size >= this.#limits.sessions) return undefined
    const { acceptTypes = ['*'], maxSize, secure = false } = options
    const sessionId = newSessionId()
    const context = {
      clock: this.#clock,
      limits: maxSize === undefined ? this.#limits : { ...this.#limits, messageBytes: maxSize },
      observer: this.#observer,
      path: this.#path(sessionId, secure, relay),
      relays: relay ? [...relay.usePath].reverse() : [],
      accepts: (contentType: string) => acceptsType(acceptTypes, contentType),
      connect: (negotiated: Negotiated) =>
        relay ? Promise.resolve(relay.connection) : this.connect(targetOf(negotiated)),
      forget: () => void this.#sessions.delete(sessionId),
    }
    const session = new MsrpSession(context, handlers)
    this.#sessions.set(sessionId, session)
    return session
  }

  /** The connection we have to a peer, or a new one (RFC 4975 §5.4). Rejects when it cannot be made. */
  connect(target: Target): Promise<MsrpConnection> {
    const { secure, host, port, name, fingerprint } = target
    const key = [secure, host.toLowerCase(), port, secure ? name.toLowerCase() : '', fingerprint?.value].join(' ')
    const known = this.#opened.get(key)
    // Its last session may leave while we wait for it.
    if (known) return known.then((connection) => (connection.open ? connection : this.connect(target)))
    const opening = this.#open(target)
    const forget = (): void => {
      if (this.#opened.get(key) === opening) this.#opened.delete(key)
    }
    this.#opened.set(key, opening)
    opening.then((connection) => connection.whenEnding(forget), forget)
    return opening
  }

  /** Closes all sessions and connections; resolves when the ports are free. */
  async close(): Promise<void> {
    for (const session of [...this.#sessions.values()]) session.close()
    for (const connection of this.#connections) connection.close()
    for (const socket of this.#connecting) socket.destroy(new Error('closing'))
    await Promise.all(this.#listeners.map((listener) => listener.close()))
  }

  async #listen(address: ListenAddress): Promise<void> {
    const listener = await listen(address, {
      clock: this.#clock,
      tls: this.#options.tls,
      handshakeMs: this.#limits.bindMs,
      admit: (socket) => this.#admit(socket),
      accepted: (socket) => {
        this.#observer.count('connection-accepted')
        this.#add(socket)
      },
      refused: () => this.#observer.count('connection-refused'),
    })
    this.#listeners.push(listener)
  }

  #admit(socket: Socket): boolean {
    const isFull = this.#connections.size >= this.#limits.connections
    if (!isFull && this.#sources.admit(socket)) return true
    this.#observer.count(isFull ? 'connection-refused' : 'source-refused')
    return false
  }

  async #open({ secure, host, port, name, fingerprint }: Target): Promise<MsrpConnection> {
    const socket = secure ? tlsConnect({ host, port, name }, this.#options.tls, fingerprint) : connect({ host, port })
    this.#connecting.add(socket)
    const cancel = this.#clock.after(this.#limits.bindMs, () => socket.destroy(new Error('connection timed out')))
    try {
      await once(socket, secure ? 'secureConnect' : 'connect')
      this.#observer.count('connection-opened')
      return this.#add(socket)
    } catch (error) {
      this.#observer.count('connection-failed')
      throw error
    } finally {
      this.#connecting.delete(socket)
      cancel()
    }
  }

  #add(socket: Socket): MsrpConnection {
    const connection = new MsrpConnection(socket, {
      clock: this.#clock,
      limits: this.#limits,
      observer: this.#observer,
      route: (request, hasBody, from) => this.#route(request, hasBody, from),
      closed: () => void this.#connections.delete(connection),
    })
    this.#connections.add(connection)
    return connection
  }

  /** RFC 4975 §7.3: the session is the one of the URI; with msrp-cema hosts differ, so that only its id counts (RFC 6714 §4). */
  #route(request: Request, hasBody: boolean, connection: MsrpConnection): Sink | 'later' {
    const [own, ...beyond] = request.toPath
    const session = beyond.length === 0 ? this.#sessions.get(own.sessionId ?? '') : undefined
    if (session) return session.receive(request, hasBody, connection)
    this.#observer.count('session-unknown')
    return {
      octets: () => undefined,
      end: () => {
        connection.answer(request, 481)
        connection.strange()
      },
    }
  }

  #path(sessionId: string, secure: boolean, relay: RelayLease | undefined): Path {
    const listener = this.addresses.find((address) => address.secure === secure)
    const own: MsrpUri = {
      secure,
      host: listener?.advertised ?? listener?.host ?? '127.0.0.1',
      port: listener?.port ?? NO_PORT,
      sessionId,
      transport: 'tcp',
    }
    const [first, ...rest] = [...(relay?.usePath ?? []), own]
    return first ? [first, ...rest] : [own]
  }
}

function targetOf({ remotePath, connectTo, fingerprint }: Negotiated): Target {
  const [{ secure, host, port = DEFAULT_PORT }] = remotePath
  return { secure, host, port, name: host, ...connectTo, ...(fingerprint && { fingerprint }) }
}
