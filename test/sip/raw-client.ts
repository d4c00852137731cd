import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'

/** A SIP message as it stood on the wire. */
export interface Wire {
  readonly startLine: string
  /** 0 for a request. */
  readonly status: number
  /** All header lines of that name, in order. */
  all(name: string): readonly string[]
  /** The first one, or the empty string. */
  one(name: string): string
  readonly body: string
  readonly text: string
}

/** A foreign SIP element: a socket, and what came in. */
export interface RawClient {
  readonly transport: 'udp' | 'tcp'
  readonly port: number
  send(startLine: string, headers: Readonly<Record<string, string>>, body?: string): void
  /** The next message that came in. */
  next(): Promise<Wire>
  /** Sends a request and gives its final response. */
  ask(startLine: string, headers: Readonly<Record<string, string>>, body?: string): Promise<Wire>
  /** Takes the next request and answers it. */
  take(status?: string, headers?: Readonly<Record<string, string>>): Promise<Wire>
  close(): void
}

export async function udpClient(server: string): Promise<RawClient> {
  const socket = createSocket('udp4')
  /** Whoever spoke last: that is where answers go. */
  let peer = addressOf(server)
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const inbox = createInbox()
  socket.on('message', (data, from) => {
    peer = { host: from.address, port: from.port }
    inbox.put(parse(data.toString()))
  })
  return client(
    'udp',
    socket.address().port,
    (text) => socket.send(text, peer.port, peer.host),
    inbox,
    () => socket.close(),
  )
}

export async function tcpClient(server: string): Promise<RawClient> {
  const { host, port } = addressOf(server)
  const socket = connect(port, host)
  await once(socket, 'connect')
  const inbox = createInbox()
  let rest = ''
  socket.setEncoding('utf8').on('data', (data) => {
    rest += data
    for (let size = messageSize(rest); size !== undefined; size = messageSize(rest)) {
      inbox.put(parse(rest.slice(0, size)))
      rest = rest.slice(size)
    }
  })
  return client(
    'tcp',
    socket.localPort ?? 0,
    (text) => socket.write(text),
    inbox,
    () => socket.destroy(),
  )
}

/** ASCII only: the tests write no other bodies over TCP. */
function messageSize(text: string): number | undefined {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return undefined
  const size = head + 4 + Number(/^Content-Length:\s*(\d+)/im.exec(text.slice(0, head))?.[1] ?? 0)
  return text.length >= size ? size : undefined
}

let branches = 0

function client(
  transport: 'udp' | 'tcp',
  port: number,
  write: (text: string) => void,
  inbox: Inbox,
  close: () => void,
): RawClient {
  const send: RawClient['send'] = (startLine, headers, body = '') => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    write([startLine, ...lines, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n'))
  }
  return {
    transport,
    port,
    send,
    next: inbox.next,
    async ask(startLine, headers, body) {
      branches += 1
      const method = startLine.split(' ')[0]
      const via = `SIP/2.0/${transport.toUpperCase()} 127.0.0.1:${port};branch=z9hG4bK-${port}-${branches};rport`
      const usual = { 'Max-Forwards': '70', 'Call-ID': `call-${port}-${branches}`, CSeq: `${branches} ${method}` }
      send(startLine, { Via: via, ...usual, ...headers }, body)
      for (;;) {
        const message = await inbox.next()
        if (message.status >= 200) return message
      }
    },
    async take(status = '200 OK', headers = {}) {
      const request = await inbox.next()
      const echoed = {
        From: request.one('From'),
        To: `${request.one('To')};tag=taken`,
        'Call-ID': request.one('Call-ID'),
      }
      send(`SIP/2.0 ${status}`, { Via: request.one('Via'), ...echoed, CSeq: request.one('CSeq'), ...headers })
      return request
    },
    close,
  }
}

interface Inbox {
  put(message: Wire): void
  next(): Promise<Wire>
}

function createInbox(): Inbox {
  const messages: Wire[] = []
  const waiting: ((message: Wire) => void)[] = []
  return {
    put(message) {
      const next = waiting.shift()
      if (next) next(message)
      else messages.push(message)
    },
    next: () => {
      const message = messages.shift()
      return message ? Promise.resolve(message) : new Promise((resolve) => waiting.push(resolve))
    },
  }
}

function parse(text: string): Wire {
  const end = text.indexOf('\r\n\r\n')
  const [startLine = '', ...lines] = text.slice(0, end).split('\r\n')
  const all = (name: string) =>
    lines
      .filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))
      .map((line) => line.slice(name.length + 1).trim())
  const status = Number(/^SIP\/2\.0 (\d{3})/.exec(startLine)?.[1] ?? 0)
  return { startLine, status, all, one: (name) => all(name)[0] ?? '', body: text.slice(end + 4), text }
}

function addressOf(listening: string): { host: string; port: number } {
  const [, host = '', port = ''] = listening.split(':')
  return { host, port: Number(port) }
}
