import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** One message as it came: its octets as binary text, and what a test looks at most. */
export interface Heard {
  readonly text: string
  readonly transaction: string
  /** Method, or status with phrase. */
  readonly first: string
  readonly headers: ReadonlyMap<string, string>
  readonly body: string | undefined
  readonly flag: string
}

/** A peer that knows MSRP only as text: written apart from the stack, so that a fault of it is not mirrored here. */
export interface Peer {
  /** Writes text; line ends as \n become CRLF. */
  says(text: string): void
  /** Writes octets as they are. */
  sends(octets: Buffer): void
  /** The next message; rejects when the connection ends first. */
  hears(): Promise<Heard>
  /** The next message whose first line is this after the transaction. */
  hearsFirst(first: string): Promise<Heard>
  /** Answers a request. */
  answers(heard: Heard, status: string, headers?: string): void
  /** All octets so far. */
  readonly octets: () => Buffer
  readonly closed: Promise<void>
  readonly socket: Socket
  close(): void
}

export async function dial(port: number, host = '127.0.0.1'): Promise<Peer> {
  const socket = connect({ host, port })
  await once(socket, 'connect')
  return peerOn(socket)
}

/** Listens, and gives the peers that come. */
export async function peerServer(): Promise<{ readonly port: number; next(): Promise<Peer>; close(): Promise<void> }> {
  const arrived: Peer[] = []
  const wanted: ((peer: Peer) => void)[] = []
  const server: Server = createServer((socket) => {
    const peer = peerOn(socket)
    const take = wanted.shift()
    if (take) take(peer)
    else arrived.push(peer)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address !== 'object') throw new Error('no port')
  return {
    port: address.port,
    next: () => {
      const peer = arrived.shift()
      return peer ? Promise.resolve(peer) : new Promise((resolve) => wanted.push(resolve))
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

export function peerOn(socket: Socket): Peer {
  const received: Buffer[] = []
  let rest = ''
  let ended = false
  const heard: Heard[] = []
  let wake: (() => void) | undefined
  socket.on('data', (octets: Buffer) => {
    received.push(octets)
    rest += octets.toString('latin1')
    for (;;) {
      const [message, length] = cut(rest) ?? []
      if (message === undefined) break
      rest = rest.slice(length)
      heard.push(message)
    }
    wake?.()
  })
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      ended = true
      wake?.()
      resolve()
    })
  })
  socket.on('error', () => socket.destroy())
  const hears = async (): Promise<Heard> => {
    for (;;) {
      const next = heard.shift()
      if (next) return next
      if (ended) throw new Error(`the connection ended; left over: ${rest.slice(0, 500)}`)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }
  return {
    socket,
    closed,
    hears,
    says: (text) => void socket.write(Buffer.from(text.replace(/\n/g, '\r\n'), 'utf8')),
    sends: (octets) => void socket.write(octets),
    async hearsFirst(first) {
      for (;;) {
        const message = await hears()
        if (message.first === first) return message
      }
    },
    answers(message, status, headers = '') {
      const to = (message.headers.get('From-Path') ?? '').split(' ')[0]
      const from = (message.headers.get('To-Path') ?? '').split(' ')[0]
      const head = `MSRP ${message.transaction} ${status}\nTo-Path: ${to}\nFrom-Path: ${from}\n${headers}`
      this.says(`${head}-------${message.transaction}$\n`)
    },
    octets: () => Buffer.concat(received),
    close: () => socket.destroy(),
  }
}

/** The first whole message of a text, and its length. */
function cut(text: string): readonly [Heard, number] | undefined {
  const [, transaction, first] = /^MSRP (\S+) ([^\r]*)\r\n/.exec(text) ?? []
  if (transaction === undefined || first === undefined) return undefined
  const end = text.indexOf(`\r\n-------${transaction}`)
  const length = end + 2 + 7 + transaction.length + 3
  if (end < 0 || text.length < length) return undefined
  const whole = text.slice(0, length)
  const blank = whole.indexOf('\r\n\r\n')
  const head = whole.slice(0, blank < 0 ? end : blank).split('\r\n')
  return [
    {
      text: whole,
      transaction,
      first,
      headers: new Map(
        head.slice(1).map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
      ),
      body: blank < 0 ? undefined : whole.slice(blank + 4, end),
      flag: whole.slice(-3, -2),
    },
    length,
  ]
}
