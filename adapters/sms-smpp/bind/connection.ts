import type { Socket } from 'node:net'
import { createFramer } from '../wire/frame.js'
import { decodePdu, isFault } from '../wire/pdu.js'
import type { Pdu, PduFault } from '../wire/types.js'

export interface ConnectionEvents {
  pdu(pdu: Pdu): void
  fault(fault: PduFault): void
  /** The stream can no longer be read; the answer, if any, ends the conversation. */
  broken(fault: string, answer: { readonly status: number; readonly sequence: number } | undefined): void
  closed(detail: string): void
}

/** One TCP or TLS connection that speaks SMPP. */
export interface Connection {
  /** What is written in one turn of the event loop leaves in one piece. */
  write(bytes: Buffer): void
  /** Stops reading, and starts again. */
  hold(): void
  release(): void
  /** Closes after what was written has gone. */
  end(): void
  /** Closes at once. */
  destroy(): void
  /** Gives the connection to somebody else (after outbind). */
  handOver(events: ConnectionEvents): void
}

export function connectionOver(socket: Socket, first: ConnectionEvents): Connection {
  const framer = createFramer()
  let events = first
  let batch: Buffer[] = []
  let held = false
  let choked = false
  let ended = false
  let trouble = 'closed by the peer'

  const read = () => (held || choked ? socket.pause() : socket.resume())
  const flush = () => {
    if (batch.length === 0) return
    const bytes = batch.length === 1 && batch[0] ? batch[0] : Buffer.concat(batch)
    batch = []
    if (socket.destroyed || socket.write(bytes) || choked) return
    // A peer that does not read our answers is not read either: the buffer stays bounded.
    choked = true
    read()
  }

  socket.setNoDelay(true)
  socket.on('drain', () => {
    choked = false
    read()
  })
  socket.on('error', (error) => {
    trouble = error.message
  })
  socket.on('close', () => events.closed(trouble))
  socket.on('data', (chunk: Buffer) => {
    for (const frame of framer.push(chunk)) {
      if (socket.destroyed) return
      if (frame.kind === 'fault') {
        events.broken(frame.fault, frame.answer && { status: frame.answer.status, sequence: frame.sequence })
        return
      }
      const decoded = decodePdu(frame.bytes)
      if (isFault(decoded)) events.fault(decoded)
      else events.pdu(decoded)
    }
  })

  return {
    write(bytes) {
      if (ended) return
      if (batch.length === 0) setImmediate(flush)
      batch.push(bytes)
    },
    hold() {
      held = true
      read()
    },
    release() {
      held = false
      read()
    },
    end() {
      if (ended) return
      ended = true
      flush()
      socket.end()
      // The peer's half may stay open for ever otherwise.
      setImmediate(() => socket.destroySoon())
    },
    destroy() {
      ended = true
      socket.destroy()
    },
    handOver(next) {
      events = next
    },
  }
}
