import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

/**
 * The load generator, a process of its own on two bare UDP sockets: one sends requests, one answers those that come.
 * A line `{"kind": "message" | "relay" | "call", "count": N, "parallel": P}` starts a run as fast as answers come,
 * with `"rate": R` at an even pace. What is lost is sent again as RFC 3261 says, and counted.
 */
export interface SipLoadOrder {
  readonly kind: 'message' | 'relay' | 'call'
  readonly count: number
  readonly parallel?: number
  readonly rate?: number
  /** The time each transaction took is not told: a long run would fill the memory of whoever reads it. */
  readonly terse?: boolean
}

export interface SipLoadResult {
  readonly event: 'result'
  readonly done: number
  /** Answers other than 2xx, and requests without one. */
  readonly refused: number
  readonly failed: number
  readonly retransmitted: number
  readonly seconds: number
  readonly latencies: readonly number[]
}

/** One transaction, or the call it belongs to. */
interface Open {
  readonly number: number
  readonly begun: number
  text: string
  sentAt: number
  interval: number
  tries: number
  step: 'first' | 'bye'
}

const T1_MS = 500
const MAX_TRIES = 7
const SWEEP_MS = 100
const BUFFER = 8 * 1024 * 1024
const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2855 TCP/MSRP *\r\n'

const { values } = parseArgs({ options: { port: { type: 'string', default: '5060' } } })
const port = Number(values.port)
const caller = await bound()
const answerer = await bound()
const callerPort = caller.address().port
const open = new Map<number, Open>()
let order: SipLoadOrder = { kind: 'message', count: 0 }
let runId = 0
let next = 0
let done = 0
let refused = 0
let failed = 0
let retransmitted = 0
let latencies: number[] = []
let begunAt = 0
let answered = 0

async function bound() {
  const socket = createSocket('udp4')
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  socket.setRecvBufferSize(BUFFER)
  socket.setSendBufferSize(BUFFER)
  return socket
}

function head(method: string, number: number, cseq: number, toTag: string): string {
  const user = order.kind === 'relay' ? 'relay' : 'bob'
  return (
    `${method} sip:${user}@127.0.0.1:${port} SIP/2.0\r\n` +
    `Via: SIP/2.0/UDP 127.0.0.1:${callerPort};rport;branch=z9hG4bK-${runId}-${number}-${cseq}${method}\r\n` +
    `Max-Forwards: 70\r\nFrom: <sip:alice@home.example>;tag=t${runId}-${number}\r\n` +
    `To: <sip:${user}@home.example>${toTag}\r\nCall-ID: c${runId}-${number}@bench\r\nCSeq: ${cseq} ${method}\r\n`
  )
}

function request(number: number): string {
  const [type, body] = order.kind === 'call' ? ['application/sdp', SDP] : ['text/plain', 'bench message']
  const contact = order.kind === 'call' ? `Contact: <sip:alice@127.0.0.1:${callerPort}>\r\n` : ''
  const method = order.kind === 'call' ? 'INVITE' : 'MESSAGE'
  return `${head(method, number, 1, '')}${contact}Content-Type: ${type}\r\nContent-Length: ${body?.length}\r\n\r\n${body}`
}

function start(): void {
  const number = next++
  const now = performance.now()
  const text = request(number)
  open.set(number, { number, begun: now, text, sentAt: now, interval: T1_MS, tries: 1, step: 'first' })
  caller.send(text, port, '127.0.0.1')
}

caller.on('message', (bytes) => {
  const text = bytes.toString('latin1')
  const at = text.indexOf(`c${runId}-`)
  const status = Number(text.slice(8, 11))
  if (at < 0 || !text.startsWith('SIP/2.0 ') || status < 200) return
  const number = Number.parseInt(text.slice(at + String(runId).length + 2), 10)
  const transaction = open.get(number)
  const isInvite = order.kind === 'call' && text.includes(' INVITE\r\n')
  if (isInvite) acknowledge(number, text, status)
  if (transaction?.step !== (order.kind === 'call' && !isInvite ? 'bye' : 'first')) return
  if (isInvite && status < 300) return
  open.delete(number)
  if (status < 300) done++
  else refused++
  if (!order.terse) latencies.push(performance.now() - transaction.begun)
  proceed()
})

/** Every final answer to an INVITE is acknowledged, and the call then ended. */
function acknowledge(number: number, text: string, status: number): void {
  const toTag = /^To:[^\r]*(;tag=[^;\r]+)/im.exec(text)?.[1] ?? ''
  const transaction = open.get(number)
  if (status >= 300) {
    caller.send(
      `${head('ACK', number, 1, toTag).replace('1ACK', '1INVITE')}Content-Length: 0\r\n\r\n`,
      port,
      '127.0.0.1',
    )
    return
  }
  caller.send(`${head('ACK', number, 1, toTag)}Content-Length: 0\r\n\r\n`, port, '127.0.0.1')
  if (transaction?.step !== 'first') return
  transaction.step = 'bye'
  transaction.text = `${head('BYE', number, 2, toTag)}Content-Length: 0\r\n\r\n`
  Object.assign(transaction, { sentAt: performance.now(), interval: T1_MS, tries: 1 })
  caller.send(transaction.text, port, '127.0.0.1')
}

answerer.on('message', (bytes, source) => {
  const text = bytes.toString('latin1')
  const lines = text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n')
  if (lines[0]?.startsWith('SIP/')) return
  answered++
  const kept = lines.filter((line) => /^(Via|From|Call-ID|CSeq):/i.test(line)).join('\r\n')
  const to = lines.find((line) => /^To:/i.test(line)) ?? ''
  answerer.send(
    `SIP/2.0 200 OK\r\n${kept}\r\n${to};tag=u${answered}\r\nContent-Length: 0\r\n\r\n`,
    source.port,
    source.address,
  )
})

setInterval(() => {
  const now = performance.now()
  for (const transaction of open.values()) {
    if (now - transaction.sentAt < transaction.interval) continue
    if (transaction.tries === MAX_TRIES) {
      open.delete(transaction.number)
      failed++
      proceed()
      continue
    }
    transaction.tries++
    transaction.sentAt = now
    transaction.interval = Math.min(transaction.interval * 2, 8 * T1_MS)
    retransmitted++
    caller.send(transaction.text, port, '127.0.0.1')
  }
}, SWEEP_MS)

function proceed(): void {
  if (order.rate === undefined && next < order.count) start()
  if (done + refused + failed < order.count) return
  const seconds = (performance.now() - begunAt) / 1000
  const result: SipLoadResult = { event: 'result', done, refused, failed, retransmitted, seconds, latencies }
  console.log(JSON.stringify(result))
}

/** At an even pace: each turn sends what is due by now. */
function pace(rate: number): void {
  const due = Math.min(order.count, Math.ceil(((performance.now() - begunAt) / 1000) * rate))
  while (next < due) start()
  if (next < order.count) setTimeout(() => pace(rate), 1)
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    order = JSON.parse(line) as SipLoadOrder
    runId++
    open.clear()
    next = done = refused = failed = retransmitted = 0
    latencies = []
    begunAt = performance.now()
    if (order.rate !== undefined) pace(order.rate)
    else for (let index = 0; index < Math.min(order.parallel ?? 1, order.count); index++) start()
  })
  .on('close', () => process.exit())
process.once('SIGTERM', () => process.exit())
console.log(JSON.stringify({ event: 'listening', answerer: answerer.address().port, caller: callerPort }))
