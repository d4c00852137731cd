import { connect } from 'node:net'
import type { ControlAddress } from '../options.js'
import { createFrameReader, FrameFault, frame } from './frame.js'

/** Frames both ways. */
export interface ControlConnection {
  /** Sends a payload, together with all others of this turn of the event loop. */
  send(payload: string): void
  /** Sends what is left and closes. Nothing is heard afterwards. */
  close(): void
}

export interface ControlConnectionEvents {
  connected(): void
  payload(payload: string): void
  /** Once: it is of no more use. */
  closed(why: string): void
}

/** Connects to a control port. */
export function openConnection({ host, port }: ControlAddress, events: ControlConnectionEvents): ControlConnection {
  const socket = connect(port, host)
  let queued = ''
  let ended = false
  const read = createFrameReader((payload) => {
    if (!ended) events.payload(payload)
  })

  function end(why: string): void {
    if (ended) return
    ended = true
    socket.destroy()
    events.closed(why)
  }

  function flush(): void {
    const text = queued
    queued = ''
    if (text !== '' && socket.writable) socket.write(text)
  }

  socket.setNoDelay(true)
  socket.setKeepAlive(true)
  socket.on('connect', () => events.connected())
  socket.on('data', (chunk) => {
    try {
      read(chunk)
    } catch (error) {
      if (!(error instanceof FrameFault)) throw error
      end(error.message)
    }
  })
  socket.on('error', (error) => end(error.message))
  socket.on('close', () => end('connection closed'))

  return {
    send(payload) {
      if (ended) return
      if (queued === '') setImmediate(flush)
      queued += frame(payload)
    },
    close() {
      if (ended) return
      ended = true
      flush()
      socket.destroySoon()
    },
  }
}
