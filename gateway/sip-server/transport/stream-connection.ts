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
  let spoken = options.ours
  socket.setNoDelay(true)
  socket.setKeepAlive(true)
  socket.on('data', (chunk) => {
    connection.take(reader.push(chunk))
    spoken ||= !reader.partial
    if (reader.partial) connection.began()
    else if (spoken) connection.finished()
  })
  socket.on('error', () => socket.destroy())
  socket.on('end', () => socket.end())
  socket.on('close', () => connection.ended())
  return connection
}
