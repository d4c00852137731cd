import { createSocket, type Socket as UdpSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { type SipServer, startSipServer } from '../../../gateway/sip-server/server.js'
import type { FakeClock } from '../support/fake-clock.js'
import { Inbox } from './inbox.js'

export const RECORDED_PORT = 5170
const SECRET = 'cymru'
/** Where the scripted peers of the recordings were. */
const PEER_PORTS: Readonly<Record<string, number>> = {
  peer: 5180,
  peerA: 5180,
  peerB: 5181,
  peerQ: 5181,
  peerC: 5182,
  peerProxy: 5183,
}
const TRIES = 20

/** One peer: a datagram socket and a TCP port of the same number, as in the recordings. */
interface Peer {
  readonly udp: UdpSocket
  readonly tcp: Server
  readonly port: number
  readonly connections: Socket[]
  /** The connection something came on last. */
  current: Socket | undefined
}

/** The server under test and everybody who talks with it. */
export class Stage {
  readonly inboxes = new Map<string, Inbox>()
  readonly #peers = new Map<number, Peer>()
  readonly #clients = new Map<string, Socket>()
  readonly #closed = new Set<string>()
  readonly server: SipServer
  readonly port: number

  private constructor(server: SipServer, port: number) {
    this.server = server
    this.port = port
  }

  static async open(clock: FakeClock): Promise<Stage> {
    for (let attempt = 0; ; attempt++) {
      const udp = await boundUdp()
      const port = udp.address().port
      await new Promise<void>((resolve) => udp.close(() => resolve()))
      const options = {
        listen: [`udp:127.0.0.1:${port}`, `tcp:127.0.0.1:${port}`],
        control: { host: '127.0.0.1', port: 0, secret: SECRET },
        maxMessageBytes: 65_536,
      }
      try {
        return new Stage(await startSipServer(options, clock), port)
      } catch (error) {
        if (attempt === TRIES) throw error
      }
    }
  }

  /** Opens the sockets of the peers; gives recorded and actual ports. */
  async openPeers(names: Iterable<string>): Promise<readonly (readonly [number, number])[]> {
    for (const name of names) {
      const recorded = PEER_PORTS[name]
      if (recorded === undefined || this.#peers.has(recorded)) continue
      this.#peers.set(recorded, await this.#openPeer(recorded))
    }
    return [...this.#peers].map(([recorded, peer]) => [recorded, peer.port])
  }

  inbox(channel: string, peer: string): Inbox {
    const key = placeOf(channel, peer)
    const inbox = this.inboxes.get(key) ?? new Inbox()
    this.inboxes.set(key, inbox)
    return inbox
  }

  async connectClient(channel: string): Promise<void> {
    const socket = connect(this.server.control.port, '127.0.0.1')
    const inbox = this.inbox(channel, '')
    socket.on('error', () => socket.destroy())
    socket.on('close', () => this.#closed.add(channel))
    socket.on('end', () => socket.end())
    onPieces(socket, (text) => {
      const mark = text.indexOf('#')
      const end = mark + 1 + Number(text.slice(0, mark))
      if (mark < 0 || text.length < end) return 0
      inbox.push(text.slice(mark + 1, end))
      return end
    })
    this.#clients.set(channel, socket)
    await once(socket, 'connect')
  }

  disconnectClient(channel: string): void {
    this.#clients.get(channel)?.destroy()
  }

  /** Whether the server has closed a control connection. */
  hasClosed(channel: string): boolean {
    return this.#closed.has(channel)
  }

  /** A peer connects; gives its port. */
  async connectPeer(name: string): Promise<number> {
    const peer = this.#peer(name)
    const socket = connect(this.port, '127.0.0.1')
    this.#addConnection(peer, socket, name)
    await once(socket, 'connect')
    peer.current = socket
    return socket.localPort ?? 0
  }

  disconnectPeer(name: string): void {
    for (const socket of this.#peer(name).connections) socket.destroy()
  }

  say(channel: string, peer: string, text: string): void {
    const bytes = Buffer.from(text, 'latin1')
    if (channel.startsWith('ctl')) this.#clients.get(channel)?.write(bytes)
    else if (channel === 'sip-udp') this.#peer(peer).udp.send(bytes, this.port, '127.0.0.1')
    else this.#peer(peer).current?.write(bytes)
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) client.destroy()
    for (const { udp, tcp, connections } of this.#peers.values()) {
      udp.close()
      tcp.close()
      for (const connection of connections) connection.destroy()
    }
    await this.server.stop()
  }

  #peer(name: string): Peer {
    const peer = this.#peers.get(PEER_PORTS[name] ?? 0)
    if (!peer) throw new Error(`no peer ${name}`)
    return peer
  }

  async #openPeer(recorded: number): Promise<Peer> {
    for (let attempt = 0; ; attempt++) {
      const udp = await boundUdp()
      const { port } = udp.address()
      const tcp = createServer()
      const listening = once(tcp, 'listening')
      tcp.listen(port, '127.0.0.1')
      try {
        await listening
      } catch (error) {
        udp.close()
        if (attempt === TRIES) throw error
        continue
      }
      const peer: Peer = { udp, tcp, port, connections: [], current: undefined }
      const name = Object.keys(PEER_PORTS).find((key) => PEER_PORTS[key] === recorded) ?? ''
      const inbox = this.inbox('sip-udp', name)
      udp.on('message', (bytes) => {
        const text = bytes.toString('latin1')
        // A keep-alive, by which the server finds out whether a silent peer is there at all.
        if (text.trim() !== '') inbox.push(text)
      })
      tcp.on('connection', (socket) => this.#addConnection(peer, socket, name))
      return peer
    }
  }

  #addConnection(peer: Peer, socket: Socket, name: string): void {
    const inbox = this.inbox('sip-tcp', name)
    peer.connections.push(socket)
    socket.on('error', () => socket.destroy())
    onPieces(socket, (text) => {
      peer.current = socket
      if (text.startsWith('\r\n')) return 2
      const headEnd = text.indexOf('\r\n\r\n')
      const end = headEnd + 4 + Number(/^content-length: *(\d+)/im.exec(text.slice(0, headEnd))?.[1] ?? 0)
      if (headEnd < 0 || text.length < end) return 0
      inbox.push(text.slice(0, end))
      return end
    })
  }
}

/** Where something is heard: a control connection, or a transport and the recorded port of a peer. */
export function placeOf(channel: string, peer: string): string {
  return channel.startsWith('ctl') ? channel : `${channel} ${PEER_PORTS[peer]}`
}

async function boundUdp(): Promise<UdpSocket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}

/** Gives the text not yet taken to `take`, which tells how much it took; 0 waits for more. */
function onPieces(socket: Socket, take: (text: string) => number): void {
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    for (let taken = take(text); taken > 0 && text !== ''; taken = text === '' ? 0 : take(text))
      text = text.slice(taken)
  })
}
