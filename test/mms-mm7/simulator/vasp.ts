import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import {
  dialectOf,
  isFault,
  type Mm7Message,
  type MmsContent,
  type Received,
  readMessage,
  writeMessage,
} from '../../../adapters/mms-mm7/wire/index.js'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'

/** A VASP on the adapter's own wire: what it can read of the simulator and the other way round, the two agree on. */
export interface Vasp {
  readonly url: string
  readonly taken: Inbox<Received & { readonly authorization: string }>
  /** StatusCodes of the next answers; afterwards 1000. 0: no answer at all. */
  readonly answers: number[]
  submit(url: string, message: Partial<Submit>, options?: SubmitOptions): Promise<Answer>
  close(): Promise<void>
}

export interface Submit {
  readonly to: readonly string[]
  readonly content: MmsContent
  readonly reports: boolean
  readonly subject: string
}

export interface SubmitOptions {
  readonly credentials?: string
  readonly signal?: AbortSignal
  readonly prefix?: string
}

export interface Answer {
  readonly http: number
  readonly received?: Received
  readonly status?: number
  readonly messageId?: string
}

const DIALECT = dialectOf('REL-6-MM7-1-4')
const number = (value: string) => ({ kind: 'Number' as const, value })

export async function startVasp(): Promise<Vasp> {
  const taken = inbox<Received & { readonly authorization: string }>(({ message }) => message.operation)
  const answers: number[] = []
  const server = createServer(async (request, response) => {
    const read = readMessage(request.headers['content-type'], await bodyOf(request))
    if (isFault(read)) return void response.writeHead(500).end(read.said)
    const code = answers.shift() ?? 1000
    if (code < 2000) taken.push({ ...read, authorization: request.headers.authorization ?? '' })
    if (code === 0) return
    const operation = read.message.operation.replace(/Req$/, 'Rsp')
    const message = { operation, status: { code } } as Mm7Message
    const written = writeMessage({
      dialect: read.dialect,
      message,
      ...(read.transactionId !== undefined && { transactionId: read.transactionId }),
    })
    response.writeHead(200, { 'content-type': written.contentType }).end(written.body)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  let transactions = 0
  return {
    url: `http://127.0.0.1:${port}/mm7`,
    taken,
    answers,
    async submit(url, { to = ['+12065550123'], content, reports = true, subject }, options = {}) {
      const written = writeMessage({
        transactionId: `t-${++transactions}`,
        dialect: { ...DIALECT, prefix: options.prefix ?? '' },
        message: {
          operation: 'SubmitReq',
          senderIdentification: { vaspId: 'causeway', senderAddress: number('+12065550100') },
          recipients: { to: to.map(number) },
          deliveryReport: reports,
          readReply: reports,
          ...(subject !== undefined && { subject }),
        },
        content: content ?? { parts: [{ type: 'text/plain; charset=utf-8', octets: Buffer.from('hello') }] },
      })
      const headers = {
        'content-type': written.contentType,
        ...(options.credentials !== undefined && { authorization: `Basic ${btoa(options.credentials)}` }),
      }
      const body = new Uint8Array(written.body)
      const response = await fetch(url, { method: 'POST', headers, body, signal: options.signal ?? null })
      const answer = Buffer.from(await response.arrayBuffer())
      const received = answer.length === 0 ? undefined : readMessage(response.headers.get('content-type') ?? '', answer)
      if (received === undefined || isFault(received)) return { http: response.status }
      const { message } = received
      return {
        http: response.status,
        received,
        ...('status' in message && message.status !== undefined && { status: message.status.code }),
        ...('messageId' in message && message.messageId !== undefined && { messageId: message.messageId }),
      }
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
