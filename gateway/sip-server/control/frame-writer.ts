import type { Socket } from 'node:net'
import { frame } from './frame.js'

/** Octets waiting for a client above which it gets no new requests, and above which it is given up. */
const CONGESTED_BYTES = 8 * 1024 * 1024
const LOST_BYTES = 128 * 1024 * 1024

/** Writes frames to a client, all those of one turn of the event loop at once. */
export class FrameWriter {
  readonly #socket: Socket
  #frames: string[] = []
  /** For the turn after the next write. */
  #later: string[] = []
  #scheduled = false
  #turn = 0

  constructor(socket: Socket) {
    this.#socket = socket
  }

  get congested(): boolean {
    return this.#socket.writableLength > CONGESTED_BYTES
  }

  /** Queues a frame; gives the turn it will be written in. */
  write(payload: string): number {
    this.#frames.push(frame(payload))
    this.#schedule()
    return this.#turn
  }

  /**
   * Queues a frame that must not travel together with one of the turn given. The client loses a response it reads in
   * one piece with the OK of its request, because the application has not yet begun to listen for it.
   */
  writeAfter(turn: number, payload: string): void {
    if (turn < this.#turn) this.write(payload)
    else {
      this.#later.push(frame(payload))
      this.#schedule()
    }
  }

  /** Writes what is queued and closes the connection. */
  end(): void {
    this.#flush()
    this.#socket.end()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    const frames = this.#frames
    this.#frames = this.#later
    this.#later = []
    this.#turn++
    this.#scheduled = false
    if (this.#frames.length > 0) this.#schedule()
    if (frames.length === 0 || this.#socket.destroyed || !this.#socket.writable) return
    this.#socket.write(frames.join(''), 'latin1')
    if (this.#socket.writableLength > LOST_BYTES) this.#socket.destroy()
  }
}
