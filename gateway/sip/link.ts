import type { Socket } from 'node:net'
import Srf from 'drachtio-srf'
import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import { FleetingMap } from '../cpm/fleeting-map.js'
import { createWriteGatherer, type WriteGatherer } from './gather-writes.js'
import { type SipHeaderLines, type SipHeaders, toSipHeaders, toSrfHeaders } from './headers.js'
import type { ControlAddress } from './options.js'

/** A request from the network. */
export interface IncomingRequest {
  readonly method: string
  readonly uri: string
  readonly headers: SipHeaders
  readonly body: string
  readonly transport: string
  readonly sourceHost: string
  readonly sourcePort: number
  /** Sends the final answer; only the first call counts. Never throws. */
  answer(status: number, reason?: string, headers?: SipHeaderLines): void
}

export interface OutgoingRequest {
  readonly method: string
  readonly uri: string
  /** URI of the next hop, when it is not the Request-URI. */
  readonly nextHop?: string
  /** Dialog of the SIP server it goes in; the server then knows its way. */
  readonly dialogId?: string
  readonly headers: SipHeaderLines
  readonly body?: string
}

/** A response, synthesised (by the server, without a peer having said anything), or a reason why there is none. */
export type LinkOutcome =
  | {
      readonly kind: 'response'
      readonly status: number
      readonly reason: string
      readonly headers: SipHeaders
      readonly synthesised: boolean
    }
  | { readonly kind: 'refused'; readonly said: string }
  | { readonly kind: 'lost'; readonly said: string }

/** One connection to the control port. When it is lost, or found dead, it is of no more use: a new one is made. */
export interface Link {
  /** `onTaken` is called when the server has taken the frame. */
  request(request: OutgoingRequest, timeoutMs: number, onTaken?: () => void): Promise<LinkOutcome>
  /** SIP addresses of the server, transport:host:port. */
  readonly listening: readonly string[]
  close(): void
}

export interface LinkOptions {
  readonly server: ControlAddress
  /** Methods to be handed to `onRequest`. */
  readonly methods: readonly string[]
  readonly onRequest: (request: IncomingRequest) => void
  /** Called once when an open link is lost. */
  readonly onLost: (why: string) => void
  readonly clock: Clock
  readonly log: Logger
}

/** What we use of drachtio-srf; its own types are incomplete. */
interface SrfRequest {
  readonly socket: Socket
  readonly method: string
  readonly uri: string
  readonly headers: Record<string, string>
  readonly body?: string
  readonly source_address: string
  readonly source_port: number
  readonly protocol: string
  on(event: 'response', listener: (response: SrfResponse) => void): void
}
interface SrfResponse {
  readonly status: number
  readonly reason: string
  readonly headers: Record<string, string>
  readonly source_address: string
  send(status: number, reason: string | undefined, options: { headers: Record<string, string> }): void
}
interface SrfApplication {
  on(event: 'error', listener: (error: Error) => void): void
  on(event: 'close', listener: () => void): void
  on(event: 'connect', listener: (error: Error | null, hostports?: string) => void): void
  use(method: string, handler: (request: SrfRequest, response: SrfResponse) => void): void
  connect(options: ControlAddress & { readonly reconnect: { readonly maxAttempts: number } }): void
  disconnect(): void
  request(
    uri: string,
    options: {
      method: string
      headers: Record<string, string>
      body?: string
      proxy?: string
      stackDialogId?: string
    },
    callback: (error: Error | null, request?: SrfRequest) => void,
  ): void
}

/** Who waits for the outcome of a request. */
interface Waiting {
  resolve(outcome: LinkOutcome): void
  cancelTimeout(): void
  readonly onTaken: (() => void) | undefined
}

/**
 * Connects to the control port. Rejects when it cannot, or when the secret is refused. drachtio-srf does not reconnect here:
 * it never settles what was under way on a lost connection, and its retries cannot be stopped.
 */
export function openLink(options: LinkOptions, connectTimeoutMs: number): Promise<Link> {
  const { server, methods, onRequest, onLost, clock, log } = options
  const srf = new Srf() as unknown as SrfApplication
  /**
   * Requests that wait, by number. What drachtio-srf is given knows the number only: it keeps callbacks in maps of its own,
   * and with them all they know, for long after they were called.
   */
  const underWay = new FleetingMap<number, Waiting>()
  let lastNumber = 0
  // drachtio-srf writes each frame by itself.
  const writes = createWriteGatherer()
  let state: 'opening' | 'open' | 'closed' = 'opening'

  for (const method of methods) {
    srf.use(method.toLowerCase(), (request, response) => onRequest(toIncoming(request, response, writes, log)))
  }

  function end(why: string): void {
    const wasOpen = state === 'open'
    state = 'closed'
    settleAll(why)
    if (wasOpen) onLost(why)
  }

  function settle(number: number, outcome: LinkOutcome): void {
    const waiting = underWay.take(number)
    waiting?.cancelTimeout()
    waiting?.resolve(outcome)
  }

  function settleAll(why: string): void {
    for (const [number] of underWay.entries()) settle(number, { kind: 'lost', said: why })
  }

  function request(outgoing: OutgoingRequest, timeoutMs: number, onTaken?: () => void): Promise<LinkOutcome> {
    if (state !== 'open') return Promise.resolve({ kind: 'refused', said: 'no link to the SIP server' })
    const number = ++lastNumber
    const outcome = new Promise<LinkOutcome>((resolve) => {
      const cancelTimeout = clock.after(timeoutMs, () => settle(number, { kind: 'lost', said: 'no answer in time' }))
      underWay.set(number, { resolve, cancelTimeout, onTaken })
    })
    writes.gather()
    try {
      // The callback form: with a promise, an answer in the same segment as the acknowledgement would be missed.
      srf.request(outgoing.uri, toSrfOptions(outgoing), sentCallback(number))
    } catch (error) {
      settle(number, { kind: 'refused', said: error instanceof Error ? error.message : String(error) })
    }
    return outcome
  }

  function sentCallback(number: number): (error: Error | null, request?: SrfRequest) => void {
    return (error, sent) => {
      if (error || !sent) return settle(number, { kind: 'refused', said: error?.message ?? 'not sent' })
      underWay.get(number)?.onTaken?.()
      sent.on('response', (response) => {
        if (response.status >= 200) settle(number, toResponse(response))
      })
    }
  }

  function close(): void {
    if (state === 'closed') return
    state = 'closed'
    settleAll('link closed')
    disconnect(srf, log)
  }

  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      cancelTimeout()
      if (state === 'opening') disconnect(srf, log)
      end(why)
      reject(new Error(`SIP server ${server.host}:${server.port}: ${why}`))
    }
    const cancelTimeout = clock.after(connectTimeoutMs, () => fail('no answer to the connection'))
    srf.on('error', (error) => fail(error.message))
    srf.on('close', () => fail('connection closed'))
    srf.on('connect', (error, hostports) => {
      if (error) return fail(error.message)
      if (state !== 'opening') return disconnect(srf, log)
      cancelTimeout()
      state = 'open'
      const listening = (hostports ?? '').split(',').map((hostport) => hostport.replace('/', ':'))
      resolve({ request, close, listening })
    })
    srf.connect({ ...server, reconnect: { maxAttempts: 1 } })
  })
}

function toSrfOptions({ method, headers, body, nextHop, dialogId }: OutgoingRequest) {
  return {
    method,
    headers: toSrfHeaders(headers),
    ...(body !== undefined && { body }),
    ...(nextHop !== undefined && dialogId === undefined && { proxy: nextHop }),
    ...(dialogId !== undefined && { stackDialogId: dialogId }),
  }
}

function toIncoming(request: SrfRequest, response: SrfResponse, writes: WriteGatherer, log: Logger): IncomingRequest {
  writes.over(request.socket)
  let answered = false
  return {
    method: request.method,
    uri: request.uri,
    headers: toSipHeaders(request.headers),
    body: request.body ?? '',
    transport: request.protocol,
    sourceHost: request.source_address,
    sourcePort: request.source_port,
    answer(status, reason, headers = {}) {
      if (answered) return
      answered = true
      writes.gather()
      try {
        response.send(status, reason, { headers: toSrfHeaders(headers) })
      } catch (error) {
        log.warn({ err: error, status }, 'answer not sent')
      }
    },
  }
}

function toResponse(response: SrfResponse): LinkOutcome {
  return {
    kind: 'response',
    status: response.status,
    reason: response.reason,
    headers: toSipHeaders(response.headers),
    synthesised: !response.source_address,
  }
}

/** drachtio-srf throws when there is no connection to close. */
function disconnect(srf: SrfApplication, log: Logger): void {
  try {
    srf.disconnect()
  } catch (error) {
    log.debug({ err: error }, 'nothing to disconnect')
  }
}
