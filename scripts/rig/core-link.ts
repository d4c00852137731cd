import { createSocket } from 'node:dgram'
import { connect, createServer, type Socket } from 'node:net'

/** How a core of the rig exchanges SIP with the gateway: what comes in is one whole message, with a way to answer it. */
export interface CoreLink {
  readonly transport: 'UDP' | 'TCP'
  readonly port: number
  transmit(octets: Buffer): void
  close(): void
}

export interface LinkOptions {
  readonly gateway: { readonly host: string; readonly port: number }
  readonly port: number
  readonly onMessage: (octets: Buffer, answer: (octets: Buffer) => void) => void
}

const BUFFER = 8 << 20
/** Connections to the gateway, used in turn. */
const CONNECTIONS = 4

export async function openUdpLink({ gateway, port, onMessage }: LinkOptions): Promise<CoreLink> {
  const socket = createSocket({ type: 'udp4', recvBufferSize: BUFFER, sendBufferSize: BUFFER, lookup: asItIs })
  socket.on('message', (data, from) => onMessage(data, (octets) => socket.send(octets, from.port, from.address)))
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.bind(port, '127.0.0.1', () => {
      socket.off('error', reject)
      resolve()
    })
  })
  socket.on('error', () => undefined)
  return {
    transport: 'UDP',
    port: socket.address().port,
    transmit: (octets) => socket.send(octets, gateway.port, gateway.host),
    close: () => socket.close(),
  }
}

/** All addresses here are numeric: nothing to look up for each datagram. */
function asItIs(address: string, _: unknown, found: (error: null, address: string, family: number) => void): void {
  found(null, address, 4)
}

/** For messages that no datagram holds. The gateway connects to `port`; we connect to it. Lost connections stay lost. */
export async function openTcpLink({ gateway, port, onMessage }: LinkOptions): Promise<CoreLink> {
  const sockets = new Set<Socket>()
  const serve = (socket: Socket): Socket => {
    socket.setNoDelay(true)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.on(
      'data',
      splitter((message) => onMessage(message, (octets) => void socket.write(octets))),
    )
    sockets.add(socket)
    return socket
  }
  const server = createServer(serve)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const own = Array.from({ length: CONNECTIONS }, () => serve(connect({ host: gateway.host, port: gateway.port })))
  const address = server.address()
  let turn = 0
  return {
    transport: 'TCP',
    port: typeof address === 'object' && address ? address.port : port,
    transmit: (octets) => void own[turn++ % own.length]?.write(octets),
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** Cuts a stream into SIP messages by Content-Length (RFC 3261 §18.3); blank lines between them are dropped. */
function splitter(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = []
  let length = 0
  let needed = 1
  return (chunk) => {
    chunks.push(chunk)
    length += chunk.length
    if (length < needed) return
    let input = Buffer.concat(chunks)
    for (;;) {
      while (input.length > 0 && (input[0] === 13 || input[0] === 10)) input = input.subarray(1)
      const end = input.indexOf('\r\n\r\n')
      const body =
        end < 0 ? 0 : Number(/^(?:content-length|l):\s*(\d+)/im.exec(input.toString('latin1', 0, end))?.[1] ?? 0)
      needed = end < 0 ? input.length + 1 : end + 4 + body
      if (input.length < needed) break
      onMessage(input.subarray(0, needed))
      input = input.subarray(needed)
    }
    chunks = [input]
    length = input.length
  }
}
