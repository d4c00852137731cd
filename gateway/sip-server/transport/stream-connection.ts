import type { Socket } from 'node:net'
import type { MessageLimits } from '../message/parse.js'
import { StreamReader } from '../message/stream-reader.js'
import { Connection, type ConnectionOptions } from './connection.js'

/** A connection over a TCP or TLS socket, which messages share as one stream (RFC 3261 §18.3). */
export function streamConnection(
  socket: Socket,
  limits: MessageLimits,
  options: Omit<ConnectionOptions, 'wire'>,
): Connection {
  const reader = new StreamReader(limits)
  const wire = {
    get unsentBytes() {
      return socket.writableLength
    },
    write: (bytes: Buffer, done: (error?: Error | null) => void) => void socket.write(bytes, done),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => socket.destroySoon(),
    destroy: () => void socket.destroy(),
  }
  const connection = new Connection({ ...options, wire })
  socket.setNoDelay(true)
  socket.setKeepAlive(true)
  socket.on('data', (chunk) => {
    const complete = connection.take(reader.push(chunk))
    // On a busy connection every piece may end amid a message: each of them has its own time.
    if (complete || !reader.partial) connection.finished()
    if (reader.partial) connection.began()
  })
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  socket.on('close', () => connection.ended())
  return connection
}
