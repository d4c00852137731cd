import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** A control client written by hand, to see every frame as it is. */
export class ControlPeer {
  readonly #socket: Socket
  readonly #queue: string[] = []
  readonly #waiting: ((payload: string) => void)[] = []
  readonly closed: Promise<unknown>
  #text = ''
  #id = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    this.closed = once(socket, 'close')
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => this.#read(chunk.toString('latin1')))
  }

  static async open(port: number): Promise<ControlPeer> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new ControlPeer(socket)
  }

  /** Sends a command and gives the id it went with. */
  send(command: string): string {
    const id = this.#nextId()
    this.raw(framed(`${id}|${command}`))
    return id
  }

  /** Sends commands in one piece. */
  sendTogether(...commands: readonly string[]): void {
    this.raw(commands.map((command) => framed(`${this.#nextId()}|${command}`)).join(''))
  }

  raw(text: string): void {
    this.#socket.write(text, 'latin1')
  }

  async ask(command: string): Promise<string> {
    this.send(command)
    return this.receive()
  }

  receive(): Promise<string> {
    const queued = this.#queue.shift()
    return queued === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(queued)
  }

  close(): void {
    this.#socket.destroy()
  }

  #nextId(): string {
    return `id${++this.#id}`
  }

  #read(piece: string): void {
    this.#text += piece
    for (;;) {
      const mark = this.#text.indexOf('#')
      const end = mark + 1 + Number(this.#text.slice(0, mark))
      if (mark < 0 || this.#text.length < end) return
      const payload = this.#text.slice(mark + 1, end)
      this.#text = this.#text.slice(end)
      const waiting = this.#waiting.shift()
      if (waiting) waiting(payload)
      else this.#queue.push(payload)
    }
  }
}

function framed(payload: string): string {
  return `${payload.length}#${payload}`
}

/** Token line of a payload, split; and the SIP message behind it. */
export function taken(payload: string): { tokens: string[]; message: string } {
  const end = payload.indexOf('\r\n')
  return end < 0
    ? { tokens: payload.split('|'), message: '' }
    : { tokens: payload.slice(0, end).split('|'), message: payload.slice(end + 2) }
}
