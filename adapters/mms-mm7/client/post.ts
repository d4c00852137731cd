import { type Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Clock } from '../../../gateway/cpm/clock.js'

/** What the other side answered. */
export interface HttpAnswer {
  readonly status: number
  readonly contentType: string | undefined
  /** WWW-Authenticate, when credentials are asked for. */
  readonly challenge?: string
  /** Retry-After in ms, an hour at most, when it is said in seconds. */
  readonly retryAfterMs?: number
  readonly body: Buffer
}

/**
 * - answered: whatever the status.
 * - unsent: nothing of the request has left.
 * - lost: the request, or some of it, was written, and no answer came.
 */
export type Posted =
  | { readonly kind: 'answered'; readonly answer: HttpAnswer }
  | { readonly kind: 'unsent'; readonly said: string }
  | { readonly kind: 'lost'; readonly why: 'timeout' | 'broken'; readonly said: string }

export interface PostOptions {
  readonly url: URL
  readonly agent: Agent
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  readonly connectMs: number
  readonly answerMs: number
  /** How long after that an answer is still heard. */
  readonly lateMs: number
  /** Told once after a timeout: the late answer, or that none came. */
  readonly late: (answer: HttpAnswer | undefined) => void
  readonly clock: Clock
}

/** A request under way. */
export interface Posting {
  readonly outcome: Promise<Posted>
  /** Ends it at once. */
  abort(): void
}

/** Longest Retry-After that is believed, s. */
const LONGEST_WAIT_S = 3600
/** Octets of an answer; one that is longer is none. */
const LONGEST_ANSWER = 1_048_576

/** Posts once, and says for certain whether the request can have arrived. Never rejects. */
export function post(options: PostOptions): Posting {
  const { url, agent, headers, body, clock } = options
  let abort = () => {}
  const outcome = new Promise<Posted>((resolve) => {
    let connected = false
    let timedOut = false
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    const request = send(url, {
      method: 'POST',
      agent,
      headers: { ...headers, 'Content-Length': String(body.length) },
    })
    let disarm = clock.after(options.connectMs, () => request.destroy(new Error('no connection in time')))
    abort = () => request.destroy(new Error('given up'))

    whenConnected(request, () => {
      connected = true
      disarm()
      disarm = clock.after(options.answerMs, () => {
        timedOut = true
        resolve({ kind: 'lost', why: 'timeout', said: 'no answer in time' })
        disarm = clock.after(options.lateMs, () => request.destroy())
      })
      request.end(body)
    })
    let over = false
    const fail = (error: Error) => {
      if (over) return
      over = true
      disarm()
      request.destroy()
      if (timedOut) return options.late(undefined)
      resolve(
        connected && !isTurnedAway(error)
          ? { kind: 'lost', why: 'broken', said: `the connection was lost before the answer: ${error.message}` }
          : { kind: 'unsent', said: error.message },
      )
    }
    let answering = false
    request.on('error', fail)
    // Not every end is an error: an answer that changes the protocol only closes the connection.
    request.on('close', () => {
      if (!answering) fail(new Error('closed without an answer'))
    })
    request.on('response', (response) => {
      answering = true
      readAnswer(response).then((answer) => {
        if (over) return
        over = true
        disarm()
        if (timedOut) options.late(answer)
        else resolve({ kind: 'answered', answer })
      }, fail)
    })
  })
  return { outcome, abort }
}

/** TLS 1.3 tells that a certificate is not believed only after the first octets are written: nobody has read them. */
const isTurnedAway = ({ code = '' }: NodeJS.ErrnoException): boolean =>
  /^ERR_SSL_\w*ALERT_(?:\w*CERTIFICATE\w*|UNKNOWN_CA|ACCESS_DENIED)$/.test(code)

/** Calls `ready` when the request has a connection that octets can leave by: nothing is written before. */
function whenConnected(request: ClientRequest, ready: () => void): void {
  request.on('socket', (socket) => {
    if (request.reusedSocket) ready()
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', ready)
  })
}

async function readAnswer(response: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response) {
    const octets = chunk as Buffer
    length += octets.length
    if (length > LONGEST_ANSWER) throw new Error('the answer is too long')
    chunks.push(octets)
  }
  const seconds = /^\d{1,6}$/.exec(response.headers['retry-after'] ?? '')?.[0]
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'],
    ...(response.headers['www-authenticate'] && { challenge: response.headers['www-authenticate'] }),
    ...(seconds === undefined ? {} : { retryAfterMs: Math.min(Number(seconds), LONGEST_WAIT_S) * 1000 }),
    body: Buffer.concat(chunks),
  }
}
