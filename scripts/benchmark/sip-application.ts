import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import Srf from 'drachtio-srf'

/**
 * A drachtio-srf application, a process of its own. MESSAGE to `answer` is answered 202, to `relay` sent on to the
 * user part's second half; INVITE is taken. A line `{"messages": N, "parallel": P, "to": uri}` sends requests itself.
 */
interface Order {
  readonly messages: number
  readonly parallel: number
  readonly to: string
}
interface Request {
  readonly uri: string
  readonly body: string
  on(event: 'response', listener: (response: { readonly status: number }) => void): void
}
interface Response {
  send(status: number): void
}
interface Application {
  connect(options: { host: string; port: number; secret: string }): void
  on(event: 'connect', listener: (error: Error | null, hostports?: string) => void): void
  message(handler: (request: Request, response: Response) => void): void
  invite(handler: (request: Request, response: Response) => void): void
  createUAS(request: Request, response: Response, options: { localSdp: string }): Promise<unknown>
  request(uri: string, options: object, callback: (error: Error | null, request?: Request) => void): void
}

const SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=message 2855 TCP/MSRP *\r\n'
const { values } = parseArgs({
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '9022' },
    secret: { type: 'string', default: 'cymru' },
    to: { type: 'string', default: '' },
  },
})
const srf = new Srf() as unknown as Application
let failed = 0

function send(to: string, body: string): Promise<number> {
  const headers = { From: '<sip:gw@localhost>', 'Content-Type': 'text/plain' }
  return new Promise((resolve) => {
    // The callback form: an answer in one segment with the acknowledgement would be missed by a promise.
    srf.request(to, { method: 'MESSAGE', headers, body }, (error, request) => {
      if (error || !request) {
        failed++
        resolve(503)
      } else request.on('response', ({ status }) => resolve(status))
    })
  })
}

srf.message((request, response) => {
  if (!request.uri.startsWith('sip:relay')) response.send(202)
  else send(values.to, request.body).then((status) => response.send(status))
})
srf.invite((request, response) => {
  srf.createUAS(request, response, { localSdp: SDP }).catch(() => failed++)
})

async function run({ messages, parallel, to }: Order): Promise<void> {
  const begun = performance.now()
  const latencies: number[] = []
  let next = 0
  let refused = 0
  const worker = async (): Promise<void> => {
    while (next++ < messages) {
      const at = performance.now()
      if ((await send(to, 'bench message')) !== 200) refused++
      latencies.push(performance.now() - at)
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  const seconds = (performance.now() - begun) / 1000
  console.log(
    JSON.stringify({
      event: 'result',
      done: messages - refused,
      failed,
      refused,
      retransmitted: 0,
      seconds,
      latencies,
    }),
  )
}

srf.on('connect', (error) => console.log(JSON.stringify(error ? { event: 'refused' } : { event: 'connected' })))
srf.connect({ host: values.host, port: Number(values.port), secret: values.secret })
const input = createInterface({ input: process.stdin })
input.on('line', (line) => void run(JSON.parse(line) as Order))
input.on('close', () => process.exit())
process.once('SIGTERM', () => process.exit())
