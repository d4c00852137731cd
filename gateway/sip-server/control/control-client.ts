import type { Socket } from 'node:net'
import type { Clock } from '../../cpm/clock.js'
import { type Command, readCommand, type SipCommand } from './command.js'
import { FrameFault, FrameReader } from './frame.js'
import { FrameWriter } from './frame-writer.js'
import { replyPayload } from './payload.js'
import type { ProxyCommand } from './proxy-command.js'

const MAX_FRAME_BYTES = 16 * 1024 * 1024
/** Before authentication nobody needs long frames, nor much time. */
const MAX_STRANGER_FRAME_BYTES = 4096
const AUTHENTICATE_MS = 10_000
/** Tag of a client that wants no copies of what it has sent. */
const BRIEF = 'brief'
/** Tag of a client that wants no OK where nothing but OK can be said. */
const TERSE = 'terse'
/** Tag of a client that keeps the dialogs of its subscriptions itself. */
const OWN_SUBSCRIPTIONS = 'own-subscriptions'

export interface ControlClientOptions {
  readonly socket: Socket
  readonly clock: Clock
  readonly authentic: (secret: string) => boolean
  /** Tokens after OK: addresses, version, local addresses. */
  readonly greeting: () => readonly string[]
  readonly sip: (client: ControlClient, command: SipCommand) => void
  readonly proxy: (client: ControlClient, command: ProxyCommand) => void
  readonly closed: (client: ControlClient) => void
}

/** One connection of drachtio-srf. */
export class ControlClient {
  readonly #options: ControlClientOptions
  readonly #reader = new FrameReader()
  readonly #writer: FrameWriter
  readonly #verbs = new Set<string>()
  readonly #cancelAuthenticate: () => void
  #authenticated = false
  #brief = false
  #terse = false
  #keepsSubscriptions = false
  #ended = false
  #connected = true

  constructor(options: ControlClientOptions) {
    this.#options = options
    const { socket, clock } = options
    this.#writer = new FrameWriter(socket)
    this.#cancelAuthenticate = clock.after(AUTHENTICATE_MS, () => socket.destroy())
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', () => socket.destroy())
    socket.on('close', () => {
      this.#connected = false
      this.#cancelAuthenticate()
      options.closed(this)
    })
  }

  get authenticated(): boolean {
    return this.#authenticated
  }

  /** False once its connection is closed: nothing said to it will be heard. */
  get connected(): boolean {
    return this.#connected
  }

  /** Whether new requests of a method may be given to it. */
  takes(verb: string): boolean {
    return this.#verbs.has(verb) && !this.#ended && !this.#writer.congested
  }

  /** No dialogs are kept for its subscriptions: it tells where each request goes, and gets those of dialogs unknown here. */
  get keepsSubscriptions(): boolean {
    return this.#keepsSubscriptions
  }

  /** It wants no OK for answers and requests that make no dialog and are in none; such a request goes by the id of its command. */
  get terse(): boolean {
    return this.#terse
  }

  /** What an OK tells the client of the message it has sent. */
  copyOf(text: string): string | undefined {
    return this.#brief ? undefined : text
  }

  /** Sends a payload; gives the turn it is written in, for `sendAfter`. */
  send(payload: string): number {
    return this.#writer.write(payload)
  }

  /** Sends a payload not together with what was sent in a turn. */
  sendAfter(turn: number, payload: string): void {
    this.#writer.writeAfter(turn, payload)
  }

  /** Answers a command with plain tokens. */
  reply(commandId: string, ...tokens: readonly string[]): void {
    this.send(replyPayload(commandId, ...tokens))
  }

  close(): void {
    this.#options.socket.destroy()
  }

  #read(chunk: Buffer): void {
    const limit = () => (this.#authenticated ? MAX_FRAME_BYTES : MAX_STRANGER_FRAME_BYTES)
    try {
      for (const payload of this.#reader.push(chunk.toString('latin1'), limit)) {
        if (this.#ended) return
        this.#obey(readCommand(payload))
      }
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error
      this.close()
    }
  }

  #obey(command: Command): void {
    if (command.kind === 'invalid') this.#refuse(command.id, command.reason)
    else if (command.kind === 'authenticate') this.#authenticate(command)
    else if (!this.#authenticated) this.#refuse(command.id, 'not authenticated')
    else if (command.kind === 'sip') this.#options.sip(this, command)
    else if (command.kind === 'proxy') this.#options.proxy(this, command)
    else if (command.kind === 'ping') this.reply(command.id, 'OK', 'pong')
    else {
      if (command.kind === 'route') this.#verbs.add(command.verb)
      else this.#verbs.delete(command.verb)
      this.reply(command.id, 'OK')
    }
  }

  #authenticate({ id, secret, tags }: Extract<Command, { kind: 'authenticate' }>): void {
    if (!this.#options.authentic(secret)) {
      this.#refuse(id, 'incorrect secret')
      return
    }
    this.#authenticated = true
    this.#brief = tags.includes(BRIEF)
    this.#terse = tags.includes(TERSE)
    this.#keepsSubscriptions = tags.includes(OWN_SUBSCRIPTIONS)
    this.#cancelAuthenticate()
    this.reply(id, 'OK', ...this.#options.greeting())
  }

  #refuse(id: string, reason: string): void {
    this.#ended = true
    this.reply(id, 'NO', reason)
    this.#writer.end()
  }
}
