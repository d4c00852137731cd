import Srf from 'drachtio-srf'
import type { Logger } from 'pino'
import { FleetingMap } from '../cpm/fleeting-map.js'
import { toSipHeaders, toSrfHeaders } from './headers.js'
import { toIncoming, toIncomingInvite } from './incoming.js'
import {
  IN_DIALOG,
  type InviteEvents,
  type Link,
  type LinkOptions,
  type LinkOutcome,
  type OutgoingRequest,
  type SentInvite,
} from './link.js'
import { createPendingInvites } from './pending-invites.js'
import type { SrfApplication, SrfOptions, SrfRequest, SrfResponse } from './srf.js'

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
