import type { Server, Socket } from 'node:net'

/** Connections at once, of all addresses and of one. More are closed unheard, so that one host cannot keep the others out. */
export interface CrowdLimits {
  readonly all: number
  readonly each: number
}

/** Bounds the connections of a server; `refused` is told of each that is closed. */
export function limitConnections(server: Server, { all, each }: CrowdLimits, refused: (address: string) => void): void {
  const open = new Map<string, number>()
  server.maxConnections = all
  server.on('drop', (dropped) => refused(dropped?.remoteAddress ?? ''))
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const others = open.get(address) ?? 0
    if (others >= each) {
      refused(address)
      socket.destroy()
      return
    }
    open.set(address, others + 1)
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1
      if (left > 0) open.set(address, left)
      else open.delete(address)
    })
  })
}
