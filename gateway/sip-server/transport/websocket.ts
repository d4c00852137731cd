import { isUtf8 } from 'node:buffer'
import { createServer, type IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { readDatagram } from '../message/datagram.js'
import type { MessageLimits } from '../message/parse.js'
import type { StreamEvent } from '../message/stream-reader.js'
import { Connection, type ConnectionOptions } from './connection.js'

const SUBPROTOCOL = 'sip'
/** So that a message somewhat too large can still be told so. */
const MESSAGE_MARGIN_BYTES = 128 * 1024
const REFUSE = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

/**
 * Does the server's part of the WebSocket handshake on connections already accepted (RFC 7118 §4). `opened` gets those
 * that speak the subprotocol sip, with the socket below; the others are closed.
 */
export function webSocketAcceptor(
  limits: MessageLimits,
  opened: (socket: WebSocket, below: Socket) => void,
): (raw: Socket) => void {
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: limits.maxMessageBytes + MESSAGE_MARGIN_BYTES,
    handleProtocols: () => SUBPROTOCOL,
  })
  const http = createServer((_request, response) => {
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'close' }).end()
  })
  http.on('clientError', (_error, socket) => socket.destroy())
  http.on('upgrade', (request, socket, head) => {
    if (!offersSip(request)) socket.end(REFUSE)
    else sockets.handleUpgrade(request, socket, head, (webSocket) => opened(webSocket, request.socket))
  })
  return (raw) => void http.emit('connection', raw)
}

/** A connection over a WebSocket: each of its messages is one SIP message (RFC 7118 §5). */
export function webSocketConnection(
  socket: WebSocket,
  below: Socket,
  limits: MessageLimits,
  options: Omit<ConnectionOptions, 'wire'>,
): Connection {
  const wire = {
    get unsentBytes() {
      return socket.bufferedAmount
    },
    // RFC 7118 §5: text where it is text, which is what browsers expect; anything else has to be binary.
    write: (bytes: Buffer, done: (error?: Error | null) => void) =>
      socket.send(bytes, { binary: !isUtf8(bytes) }, (error) => done(error)),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    end: () => socket.close(),
    destroy: () => socket.terminate(),
  }
  const connection = new Connection({ ...options, wire })
  // Ahead of the WebSocket's own listener: what it makes a message of is then finished.
  below.prependListener('data', () => connection.began())
  for (const whole of ['ping', 'pong'] as const)
    socket.on(whole, () => {
      connection.take([])
      connection.finished()
    })
  socket.on('message', (data) => {
    connection.take(readFrame(Buffer.isBuffer(data) ? data : Buffer.concat([data].flat().map(asBuffer)), limits))
    connection.finished()
  })
  socket.on('error', () => socket.terminate())
  socket.on('close', () => connection.ended())
  return connection
}

function asBuffer(piece: Buffer | ArrayBuffer): Buffer {
  return Buffer.isBuffer(piece) ? piece : Buffer.from(piece)
}

function* readFrame(bytes: Buffer, limits: MessageLimits): Generator<StreamEvent> {
  const read = readDatagram(bytes, limits)
  if (read === 'garbage') yield { kind: 'garbage' }
  else if (read !== 'keepAlive') yield { kind: 'message', received: read }
  else if (bytes.length >= 4) yield { kind: 'ping' }
}

function offersSip(request: IncomingMessage): boolean {
  const offered = request.headers['sec-websocket-protocol']?.split(',') ?? []
  return offered.some((protocol) => protocol.trim().toLowerCase() === SUBPROTOCOL)
}
