import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type ClientOptions, WebSocket } from 'ws'

/** A browser's SIP user agent at the end of a WebSocket. */
export class WebSocketPeer {
  readonly closed: Promise<number>
  readonly #socket: WebSocket
  readonly #queue: { text: string; binary: boolean }[] = []
  readonly #waiting: ((message: { text: string; binary: boolean }) => void)[] = []

  private constructor(socket: WebSocket) {
    this.#socket = socket
    this.closed = new Promise((resolve) => socket.once('close', (code) => resolve(code)))
    socket.on('error', () => socket.terminate())
    socket.on('message', (data, binary) => {
      const message = { text: Buffer.isBuffer(data) ? data.toString('latin1') : '', binary }
      const waiting = this.#waiting.shift()
      if (waiting) waiting(message)
      else this.#queue.push(message)
    })
  }

  /** Rejects when the server does not want it. */
  static async open(url: string, options: ClientOptions = {}): Promise<WebSocketPeer> {
    const socket = new WebSocket(url, 'sip', options)
    const peer = new WebSocketPeer(socket)
    await once(socket, 'open')
    return peer
  }

  send(text: string, binary: boolean = false): void {
    this.#socket.send(Buffer.from(text, 'latin1'), { binary })
  }

  async receive(): Promise<string> {
    return (await this.receiveFrame()).text
  }

  receiveFrame(): Promise<{ text: string; binary: boolean }> {
    const queued = this.#queue.shift()
    return queued === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(queued)
  }

  /** The socket below. */
  get below(): Socket {
    const below: unknown = Reflect.get(this.#socket, '_socket')
    if (typeof below !== 'object' || below === null || !('write' in below)) throw new Error('no socket')
    return below as Socket
  }

  close(): void {
    this.#socket.terminate()
  }
}
