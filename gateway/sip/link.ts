import Srf from 'drachtio-srf'
import type { Logger } from 'pino'
import type { Clock } from '../cpm/clock.js'
import { FleetingMap } from '../cpm/fleeting-map.js'
import { type SipHeaderLines, type SipHeaders, toSipHeaders, toSrfHeaders } from './headers.js'
import { type IncomingInvite, type IncomingRequest, toIncoming, toIncomingInvite } from './incoming.js'
import type { ControlAddress } from './options.js'
import { createPendingInvites } from './pending-invites.js'
import type { SrfApplication, SrfOptions, SrfRequest, SrfResponse } from './srf.js'

export type { IncomingInvite, IncomingRequest } from './incoming.js'

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
      readonly body: string
      readonly synthesised: boolean
    }
  | { readonly kind: 'refused'; readonly said: string }
  | { readonly kind: 'lost'; readonly said: string }

/** What is heard of an INVITE of ours. Called from within drachtio-srf: neither may throw. */
export interface InviteEvents {
  /** Every provisional response but 100. */
  provisional(response: Extract<LinkOutcome, { kind: 'response' }>): void
  /** Once, before anything of the dialog that a 2xx makes; that has been acknowledged. */
  final(outcome: LinkOutcome, dialogId: string): void
}

export interface SentInvite {
  /** Sends a CANCEL, once the server can. A 2xx may come all the same. */
  cancel(reason?: string): void
}

/** The way to the control port. When it is lost, or found dead, it is of no more use: a new one is made. */
export interface Link {
  /** `onTaken` is called when the server has taken the frame. */
  request(request: OutgoingRequest, timeoutMs: number, onTaken?: () => void): Promise<LinkOutcome>
  /** An INVITE, outside or within a dialog. */
  invite(request: OutgoingRequest, timeoutMs: number, events: InviteEvents): SentInvite
  /** SIP addresses of the server, transport:host:port. */
  readonly listening: readonly string[]
  close(): void
}

export interface LinkOptions {
  readonly server: ControlAddress
  /** Methods to be handed to `onRequest`. */
  readonly methods: readonly string[]
  readonly onRequest: (request: IncomingRequest) => void
  /** Subscriptions are kept here: an embedded server then keeps no dialogs of them. */
  readonly keepsSubscriptions?: boolean
  /** INVITEs, which `onRequest` does not get. */
  readonly onInvite?: (invite: IncomingInvite) => void
  /** Called once when an open link is lost. */
  readonly onLost: (why: string) => void
  readonly clock: Clock
  readonly log: Logger
}

/** Who waits for the outcome of a request. */
interface Waiting {
  resolve(outcome: LinkOutcome, dialogId: string): void
  cancelTimeout(): void
  readonly onTaken: (() => void) | undefined
}

/**
 * A link for calls, by drachtio-srf: it takes INVITE and the requests of the dialogs that come of it, and no others. Rejects when it
 * cannot connect, or when the secret is refused. drachtio-srf does not reconnect here: it never settles what was under way on a
 * lost connection, and its retries cannot be stopped.
 */
export function openCallLink(options: LinkOptions, connectTimeoutMs: number): Promise<Link> {
  const { server, methods, onRequest, onInvite, onLost, clock, log } = options
  // Tells an embedded server to send no copies of what we have sent; to others it means nothing.
  const tags = options.keepsSubscriptions ? ['brief', 'own-subscriptions'] : ['brief']
  const srf = new Srf(tags) as unknown as SrfApplication
  /**
   * Requests that wait, by number. What drachtio-srf is given knows the number only: it keeps callbacks in maps of its own,
   * and with them all they know, for long after they were called.
   */
  const underWay = new FleetingMap<number, Waiting>()
  let lastNumber = 0
  const pendingInvites = createPendingInvites()
  let state: 'opening' | 'open' | 'closed' = 'opening'

  for (const method of methods) {
    srf.use(method.toLowerCase(), (request, response) => {
      if (method !== 'INVITE') onRequest(toIncoming(request, response, log))
      else {
        takeUpdates(request)
        onInvite?.(toIncomingInvite(request, response, pendingInvites, log))
      }
    })
  }
  // Of other methods it gets what comes within its dialogs.
  srf.use((request, response) => onRequest(toIncoming(request, response, log)))

  function end(why: string): void {
    const wasOpen = state === 'open'
    state = 'closed'
    settleAll(why)
    if (wasOpen) onLost(why)
  }

  function settle(number: number, outcome: LinkOutcome, dialogId = ''): void {
    const waiting = underWay.take(number)
    waiting?.cancelTimeout()
    waiting?.resolve(outcome, dialogId)
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

  function invite(outgoing: OutgoingRequest, timeoutMs: number, events: InviteEvents): SentInvite {
    const number = ++lastNumber
    let sent: SrfRequest | undefined
    let cancelling: Record<string, string> | undefined
    if (state !== 'open') {
      events.final({ kind: 'refused', said: 'no link to the SIP server' }, '')
      return { cancel: () => undefined }
    }
    const cancelTimeout = clock.after(timeoutMs, () => settle(number, { kind: 'lost', said: 'no answer in time' }))
    underWay.set(number, { resolve: events.final, cancelTimeout, onTaken: undefined })
    try {
      srf.request(outgoing.uri, toSrfOptions(outgoing), (error, request) => {
        if (error || !request) {
          settle(number, { kind: 'refused', said: error?.message ?? 'not sent' })
          return
        }
        sent = request
        if (cancelling) request.cancel({ headers: cancelling }, () => undefined)
        request.on('response', (response, acknowledge) => inviteAnswered(number, events, response, acknowledge))
        takeUpdates(request)
      })
    } catch (error) {
      settle(number, { kind: 'refused', said: error instanceof Error ? error.message : String(error) })
    }
    return {
      cancel(reason) {
        if (cancelling) return
        cancelling = reason === undefined ? {} : { Reason: reason }
        sent?.cancel({ headers: cancelling }, () => undefined)
      },
    }
  }

  /** COMPAT(drachtio-srf 5.0): an UPDATE with the Call-ID of an INVITE under way is told to that one, whatever dialog it is for. */
  function takeUpdates(invite: SrfRequest): void {
    invite.on('update', (request, response) => onRequest(toIncoming(request, response, log)))
  }

  function inviteAnswered(number: number, events: InviteEvents, response: SrfResponse, acknowledge: () => void): void {
    const answered = toResponse(response)
    const dialogId = response.stackDialogId ?? ''
    if (response.status < 200) {
      // RFC 3262 §4: reliable although we have not asked for it.
      if (answered.headers.has('rseq')) acknowledge()
      if (underWay.has(number)) events.provisional(answered)
      return
    }
    if (response.status < 300) {
      acknowledge()
      if (!underWay.has(number)) void request({ method: 'BYE', uri: IN_DIALOG, dialogId, headers: {} }, GIVEN_UP_MS)
    }
    settle(number, answered, dialogId)
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
      resolve({ request, invite, close, listening })
    })
    srf.connect({ ...server, reconnect: { maxAttempts: 1 } })
  })
}

/** Stands for the remote target of a dialog, which the server puts in its place. */
export const IN_DIALOG = 'sip:placeholder'
/** How long a call that was given up may take to end. */
const GIVEN_UP_MS = 32_000

function toSrfOptions({ method, headers, body, nextHop, dialogId }: OutgoingRequest): SrfOptions {
  return {
    method,
    headers: toSrfHeaders(headers),
    body,
    proxy: dialogId === undefined ? nextHop : undefined,
    stackDialogId: dialogId,
    toJSON: () => method,
  }
}

function toResponse(response: SrfResponse): Extract<LinkOutcome, { kind: 'response' }> {
  return {
    kind: 'response',
    status: response.status,
    reason: response.reason,
    headers: toSipHeaders(response.headers),
    body: response.body ?? '',
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
