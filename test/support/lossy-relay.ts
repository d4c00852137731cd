import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export interface LossyRelay {
  readonly port: number
  readonly passed: number
  readonly lost: number
  close(): void
}

/** Passes datagrams to a port on loopback and the answers back, and loses a share of them both ways. */
export async function lossyRelay(target: number, loss: number, seed: number): Promise<LossyRelay> {
  const random = seededRandom(seed)
  const front = await bound()
  const backs = new Map<number, Promise<Socket>>()
  const counts = { passed: 0, lost: 0 }
  let closed = false
  const pass = (socket: Socket, bytes: Buffer, port: number) => {
    if (random() < loss) {
      counts.lost++
      return
    }
    counts.passed++
    if (!closed) socket.send(bytes, port, '127.0.0.1')
  }
  const open = async (source: number): Promise<Socket> => {
    const back = await bound()
    back.on('message', (bytes) => pass(front, bytes, source))
    return back
  }
  front.on('message', (bytes, { port }) => {
    const back = backs.get(port) ?? open(port)
    backs.set(port, back)
    back.then((socket) => pass(socket, bytes, target))
  })
  return {
    port: front.address().port,
    get passed() {
      return counts.passed
    },
    get lost() {
      return counts.lost
    },
    close() {
      closed = true
      front.close()
      for (const back of backs.values()) back.then((socket) => socket.close())
    },
  }
}

async function bound(): Promise<Socket> {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return socket
}
