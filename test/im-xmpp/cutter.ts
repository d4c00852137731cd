import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A way to a server that can be cut at will. */
export interface Cutter {
  readonly port: number
  /** Cuts what is connected now, in both directions at once. */
  cut(): void
  /** Cuts each connection when it has carried so many octets of ours; 0: never. */
  cutAfter(octets: number): void
  readonly cuts: () => number
  /** Connections that stand. */
  readonly carries: () => number
  close(): Promise<void>
}

export async function startCutter(target: number): Promise<Cutter> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let limit = 0
  let cuts = 0
  const drop = (pair: readonly [Socket, Socket]) => {
    if (!pairs.delete(pair)) return
    for (const socket of pair) socket.destroy()
  }
  const server = createServer((near) => {
    const far = connect(target, '127.0.0.1')
    const pair = [near, far] as const
    let carried = 0
    pairs.add(pair)
    for (const socket of pair) {
      socket.on('error', () => drop(pair))
      socket.on('close', () => drop(pair))
    }
    near.on('data', (octets: Buffer) => {
      carried += octets.length
      if (limit > 0 && carried > limit) {
        // A part goes through, as when a cable breaks.
        far.write(octets.subarray(0, octets.length >> 1), () => drop(pair))
        cuts += 1
      } else far.write(octets)
    })
    far.on('data', (octets: Buffer) => near.write(octets))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      for (const pair of [...pairs]) drop(pair)
      cuts += 1
    },
    cutAfter(octets) {
      limit = octets
    },
    cuts: () => cuts,
    carries: () => pairs.size,
    async close() {
      for (const pair of [...pairs]) drop(pair)
      server.close()
    },
  }
}
