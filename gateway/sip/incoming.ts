import type { Logger } from 'pino'
import { type SipHeaderLines, type SipHeaders, toSipHeaders, toSrfHeaders } from './headers.js'
import type { PendingInvites } from './pending-invites.js'
import type { SrfRequest, SrfResponse } from './srf.js'

/** A request from the network. */
export interface IncomingRequest {
  readonly method: string
  readonly uri: string
  readonly headers: SipHeaders
  readonly body: string
  readonly transport: string
  readonly sourceHost: string
  readonly sourcePort: number
  /** Of a request within a dialog that the SIP server knows. */
  readonly dialogId?: string | undefined
  /** Sends the final answer; only the first call counts. Never throws. */
  answer(status: number, reason?: string, headers?: SipHeaderLines, body?: string): void
  /**
   * Forwards it instead, staying in the path of its dialog; these headers are added. `done` hears the status it got in the end.
   * Absent where the link cannot.
   */
  forward?(to: string, headers: Readonly<Record<string, string>>, done: (status: number) => void): void
}

/** An INVITE, outside or within a dialog. */
export interface IncomingInvite extends IncomingRequest {
  provisional(status: number, headers?: SipHeaderLines): void
  /** Sends the 200. `taken` hears the id of the dialog before anything of that dialog, or undefined: the caller is gone. */
  accept(headers: SipHeaderLines, body: string, taken: (dialogId: string | undefined) => void): void
  /** Called when the caller, or the server in his place, has withdrawn it; the server has answered then. */
  onCancel(listener: () => void): void
}

export function toIncoming(request: SrfRequest, response: SrfResponse, log: Logger): IncomingRequest {
  let answered = false
  return {
    ...received(request),
    answer(status, reason, headers = {}, body) {
      if (answered) return
      answered = true
      send(response, log, status, reason, headers, body)
    },
    forward(to, headers, done) {
      if (answered) return
      answered = true
      proxy(request, { to, headers }, log, done)
    },
  }
}

export function toIncomingInvite(
  request: SrfRequest,
  response: SrfResponse,
  pending: PendingInvites,
  log: Logger,
): IncomingInvite {
  let answered = false
  let cancelled = false
  let listener = (): void => undefined
  pending.opened(request, response, () => {
    cancelled = true
    listener()
  })
  function final(
    status: number,
    reason: string | undefined,
    headers: SipHeaderLines,
    body?: string,
    sent?: Sent,
  ): void {
    answered = true
    send(response, log, status, reason, headers, body, sent)
    pending.answered(request)
  }
  return {
    ...received(request),
    provisional(status, headers = {}) {
      if (!answered && !cancelled) send(response, log, status, undefined, headers)
    },
    answer(status, reason, headers = {}, body) {
      if (!answered && !cancelled) final(status, reason, headers, body)
    },
    forward(to, headers, done) {
      if (answered || cancelled) return
      answered = true
      proxy(request, { to, headers, provisionalTimeout: SIGN_OF_LIFE }, log, done)
      pending.answered(request)
    },
    accept(headers, body, taken) {
      if (answered || cancelled) {
        taken(undefined)
        return
      }
      final(200, undefined, headers, body, (error) => taken(error ? undefined : response.stackDialogId))
    },
    onCancel(given) {
      listener = given
      if (cancelled) given()
    },
  }
}

type Sent = (error: unknown) => void

/** A node that is alive says 100 at once. */
const SIGN_OF_LIFE = '4s'

function proxy(
  request: SrfRequest,
  {
    to,
    ...rest
  }: {
    readonly to: string
    readonly headers: Readonly<Record<string, string>>
    readonly provisionalTimeout?: string
  },
  log: Logger,
  done: (status: number) => void,
): void {
  const options = { ...rest, headers: { ...rest.headers }, destination: [to], remainInDialog: true }
  try {
    request.proxy(options, (error, result) => {
      if (error) log.warn({ why: error, to }, 'request not forwarded')
      done(result?.finalStatus ?? 500)
    })
  } catch (error) {
    log.warn({ err: error, to }, 'request not forwarded')
    done(500)
  }
}

function send(
  response: SrfResponse,
  log: Logger,
  status: number,
  reason: string | undefined,
  headers: SipHeaderLines,
  body?: string,
  sent?: Sent,
): void {
  const options = toOptions(headers, body)
  try {
    sendOrClass(status, (as) => response.send(as, reason, options, sent))
  } catch (error) {
    log.warn({ err: error, status }, 'answer not sent')
    sent?.(error)
  }
}

/**
 * COMPAT(drachtio-srf 5.0): it sends no status it has no name for, such as 469 of RFC 6086. The first of its class means the same to
 * whoever does not know it either (RFC 3261 §8.1.3.2).
 */
function sendOrClass(status: number, as: (status: number) => void): void {
  const first = Math.trunc(status / 100) * 100
  try {
    as(status)
  } catch (error) {
    if (first === status) throw error
    as(first)
  }
}

/** COMPAT(drachtio-srf 5.0): with headers or a body it copies the whole answer, even if they are empty. */
function toOptions(
  headers: SipHeaderLines,
  body: string | undefined,
): { headers?: Record<string, string>; body?: string } {
  return { ...(isEmpty(headers) ? {} : { headers: toSrfHeaders(headers) }), ...(body !== undefined && { body }) }
}

function isEmpty(headers: SipHeaderLines): boolean {
  for (const _ in headers) return false
  return true
}

const received = (request: SrfRequest): Omit<IncomingRequest, 'answer' | 'forward'> => ({
  method: request.method,
  uri: request.uri,
  headers: toSipHeaders(request.headers),
  body: request.body ?? '',
  transport: request.protocol,
  sourceHost: request.source_address,
  sourcePort: request.source_port,
  ...(request.stackDialogId && { dialogId: request.stackDialogId }),
})
