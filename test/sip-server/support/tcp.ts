import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { StreamPeer } from './stream-peer.js'

/** A connection to the server. */
export async function dialTcp(port: number): Promise<StreamPeer> {
  const socket = connect(port, '127.0.0.1')
  const peer = new StreamPeer(socket)
  await once(socket, 'connect')
  return peer
}

export interface Answerer {
  readonly port: number
  /** The next connection to it. */
  accept(): Promise<StreamPeer>
  close(): void
}

/** A SIP peer that listens on TCP. */
export async function answerTcp(): Promise<Answerer> {
  const server: Server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    accept: async () => new StreamPeer((await once(server, 'connection'))[0]),
    close: () => void server.close(),
  }
}
