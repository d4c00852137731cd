import type { Socket } from 'node:net'

/** A scripted SIP element at the end of a TCP or TLS connection; whole messages wait in a queue. */
export class StreamPeer {
  readonly socket: Socket
  readonly closed: Promise<void>
  readonly #queue: string[] = []
  readonly #waiting: ((message: string) => void)[] = []
  #text = ''

  constructor(socket: Socket) {
    this.socket = socket
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()))
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => this.#read(chunk.toString('latin1')))
  }

  send(text: string): void {
    this.socket.write(text, 'latin1')
  }

  /** The next message; line ends between messages count as one of their own. */
  receive(): Promise<string> {
    const queued = this.#queue.shift()
    return queued === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(queued)
  }

  close(): void {
    this.socket.destroy()
  }

  #read(piece: string): void {
    this.#text += piece
    for (;;) {
      const lineEnds = /^(\r\n)+/.exec(this.#text)?.[0].length ?? 0
      const length = lineEnds > 0 ? lineEnds : this.#messageLength()
      if (length === undefined || this.#text.length < length) return
      this.#put(this.#text.slice(0, length))
      this.#text = this.#text.slice(length)
    }
  }

  #messageLength(): number | undefined {
    const headEnd = this.#text.indexOf('\r\n\r\n')
    if (headEnd < 0) return undefined
    return headEnd + 4 + Number(/^content-length: *(\d+)/im.exec(this.#text.slice(0, headEnd))?.[1] ?? 0)
  }

  #put(message: string): void {
    const waiting = this.#waiting.shift()
    if (waiting) waiting(message)
    else this.#queue.push(message)
  }
}
