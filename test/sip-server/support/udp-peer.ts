import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** A scripted SIP element on a UDP socket; what it receives waits in a queue. */
export class UdpPeer {
  readonly #socket: Socket
  readonly #queue: string[] = []
  readonly #waiting: ((message: string) => void)[] = []
  readonly port: number

  private constructor(socket: Socket) {
    this.#socket = socket
    this.port = socket.address().port
    socket.on('message', (bytes) => {
      const text = bytes.toString('latin1')
      const waiting = this.#waiting.shift()
      if (waiting) waiting(text)
      else this.#queue.push(text)
    })
  }

  static async open(): Promise<UdpPeer> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new UdpPeer(socket)
  }

  send(text: string, port: number): void {
    this.#socket.send(Buffer.from(text, 'latin1'), port, '127.0.0.1')
  }

  receive(): Promise<string> {
    const queued = this.#queue.shift()
    return queued === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(queued)
  }

  get unread(): number {
    return this.#queue.length
  }

  close(): void {
    this.#socket.close()
  }
}
