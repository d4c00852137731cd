import { FleetingMap } from '../../cpm/fleeting-map.js'
import type { SipHeaderLines, SipHeaders } from '../headers.js'
import type { IncomingRequest, Link, LinkOptions, LinkOutcome, OutgoingRequest } from '../link.js'
import { authenticate, commandIds, isUnspeakable, proxyRequest, route, sipRequest, sipResponse } from './command.js'
import { openConnection } from './control-connection.js'
import { readServerFrame, type ServerFrame, statusOf } from './server-frame.js'

export type RequestLinkOptions = Omit<LinkOptions, 'onInvite'>

/** Requests of all methods but those of calls. */
export type RequestLink = Omit<Link, 'invite'>

/** A request of ours that has no outcome yet. */
interface Waiting {
  readonly resolve: (outcome: LinkOutcome) => void
  readonly cancelTimeout: () => void
  readonly onTaken: (() => void) | undefined
  /** As the server named it; undefined until it has taken it. */
  transactionId: string | undefined
}

interface Forwarding {
  status: number
  readonly done: (status: number) => void
  readonly cancelTimeout: () => void
}

type Frame<Kind extends ServerFrame['kind']> = Extract<ServerFrame, { kind: Kind }>

/** Of the OK for a request, counted behind OK. */
const TRANSACTION_ID = 6
/** How the version of an embedded server ends. */
const EMBEDDED = '-causeway'
/** What became of a request of which no response is known. */
const NOT_FORWARDED = 500
/** A server that forwards has its answer, or gives up, well before (RFC 3261 §17.1.2.2: 32 s, for each of two ways). */
const FORWARDED_WITHIN_MS = 70_000

/**
 * An own client of drachtio-server's control protocol, for what no call is made of. Rejects when there is no connection, or the
 * secret is refused.
 */
export function openRequestLink(options: RequestLinkOptions, connectTimeoutMs: number): Promise<RequestLink> {
  const { server, methods, onRequest, onLost, clock, log } = options
  const tags = ['brief', 'terse', ...(options.keepsSubscriptions ? ['own-subscriptions'] : [])]
  const ids = commandIds()
  const waiting = new FleetingMap<number, Waiting>()
  const byTransaction = new FleetingMap<string, number>()
  /** Requests being forwarded: whoever wants to know what came of them. */
  const forwarding = new Map<number, Forwarding>()
  let lastNumber = 0
  let state: 'opening' | 'open' | 'closed' = 'opening'
  let isEmbedded = false
  let opened: (listening: readonly string[]) => void
  let refused: (why: Error) => void

  const connection = openConnection(server, {
    connected: () => connection.send(authenticate(nextId(), server.secret, tags)),
    payload: heard,
    closed: end,
  })
  const cancelTimeout = clock.after(connectTimeoutMs, () => fail('no answer to the connection'))

  const nextId = (): string => ids.of(++lastNumber)

  function fail(why: string): void {
    connection.close()
    end(why)
  }

  function end(why: string): void {
    const before = state
    state = 'closed'
    cancelTimeout()
    settleAll(why)
    if (before === 'open') onLost(why)
    if (before === 'opening') refused(new Error(`SIP server ${server.host}:${server.port}: ${why}`))
  }

  function heard(payload: string): void {
    const frame = readServerFrame(payload)
    if (frame.kind === 'reply') replied(frame)
    else if (frame.kind === 'response') answered(frame)
    else if (frame.kind === 'request') received(frame)
    else if (frame.kind === 'malformed') log.warn('a frame of the SIP server that cannot be read')
  }

  /** The server has nothing to tell of an answer or a route. */
  function replied(reply: Frame<'reply'>): void {
    const number = ids.numberIn(reply.commandId)
    const request = waiting.get(number)
    if (request) taken(number, request, reply)
    else if (state === 'opening') authenticated(reply)
    else forwarded(number, reply)
  }

  function authenticated({ ok, tokens: [first = '', version = ''] }: Frame<'reply'>): void {
    if (!ok) {
      fail(first || 'the secret is refused')
      return
    }
    cancelTimeout()
    state = 'open'
    isEmbedded = version.endsWith(EMBEDDED)
    for (const method of methods) connection.send(route(nextId(), method))
    opened(first.split(',').map((endpoint) => endpoint.replace('/', ':')))
  }

  function taken(number: number, request: Waiting, { ok, tokens }: Frame<'reply'>): void {
    if (!ok) {
      settle(number, { kind: 'refused', said: tokens[0] || 'request failed' })
      return
    }
    if (request.transactionId !== undefined) return
    const transactionId = tokens[TRANSACTION_ID] ?? ''
    request.transactionId = transactionId
    byTransaction.set(transactionId, number)
    request.onTaken?.()
  }

  function answered({ transactionId, status, reason, headers, body, host }: Frame<'response'>): void {
    // A terse server has named it as we did.
    const own = ids.numberIn(transactionId)
    const number = waiting.has(own) ? own : byTransaction.get(transactionId)
    if (number === undefined || status < 200) return
    settle(number, { kind: 'response', status, reason, headers, body, synthesised: host === '' })
  }

  function received(frame: Frame<'request'>): void {
    const { transactionId, dialogId, method, uri, headers, body, transport } = frame
    const own = isEmbedded ? undefined : repeated(headers)
    let isOpen = true
    const request: IncomingRequest = {
      method,
      uri,
      headers,
      body,
      transport,
      sourceHost: frame.host,
      sourcePort: frame.port,
      dialogId: dialogId === '' ? undefined : dialogId,
      answer(status, reason, lines = {}, text) {
        if (!isOpen) return
        isOpen = false
        connection.send(sipResponse(nextId(), transactionId, status, reason, own ? { ...own, ...lines } : lines, text))
      },
      forward(to, lines, done) {
        if (!isOpen) return
        isOpen = false
        const number = ++lastNumber
        const cancelTimeout = clock.after(FORWARDED_WITHIN_MS, () => endForwarding(number))
        forwarding.set(number, { status: NOT_FORWARDED, done, cancelTimeout })
        connection.send(proxyRequest(ids.of(number), transactionId, method, to, lines))
      },
    }
    try {
      onRequest(request)
    } catch (error) {
      log.error({ err: error }, 'request failed')
      request.answer(500)
    }
  }

  function forwarded(number: number, { ok, tokens: [said], startLine }: Frame<'reply'>): void {
    const found = forwarding.get(number)
    if (!found) return
    if (ok && said !== 'done') {
      found.status = statusOf(startLine) ?? found.status
      return
    }
    if (!ok) log.warn({ why: said }, 'request not forwarded')
    endForwarding(number)
  }

  function endForwarding(number: number): void {
    const found = forwarding.get(number)
    if (!found) return
    forwarding.delete(number)
    found.cancelTimeout()
    found.done(found.status)
  }

  function settleAll(why: string): void {
    for (const [number] of waiting.entries()) settle(number, { kind: 'lost', said: why })
    for (const number of forwarding.keys()) endForwarding(number)
  }

  function settle(number: number, outcome: LinkOutcome): void {
    const request = waiting.take(number)
    if (!request) return
    request.cancelTimeout()
    if (request.transactionId !== undefined) byTransaction.take(request.transactionId)
    request.resolve(outcome)
  }

  function request(outgoing: OutgoingRequest, timeoutMs: number, onTaken?: () => void): Promise<LinkOutcome> {
    if (state !== 'open') return Promise.resolve({ kind: 'refused', said: 'no link to the SIP server' })
    if (isUnspeakable(outgoing)) return Promise.resolve({ kind: 'refused', said: 'an address that cannot be sent' })
    const number = ++lastNumber
    connection.send(sipRequest(ids.of(number), outgoing))
    return new Promise((resolve) => {
      const cancelTimeout = clock.after(timeoutMs, () => settle(number, { kind: 'lost', said: 'no answer in time' }))
      waiting.set(number, { resolve, cancelTimeout, onTaken, transactionId: undefined })
    })
  }

  function close(): void {
    if (state === 'closed') return
    connection.close()
    state = 'closed'
    cancelTimeout()
    settleAll('link closed')
  }

  return new Promise((resolve, reject) => {
    refused = reject
    opened = (listening) => resolve({ request, close, listening })
  })
}

/** A drachtio-server makes these itself, but has been heard with clients only that repeat them in every answer. */
function repeated(headers: SipHeaders): SipHeaderLines {
  const lines: Record<string, string> = {}
  for (const name of ['Call-ID', 'CSeq', 'From', 'To']) {
    const value = headers.get(name.toLowerCase())
    if (value !== undefined) lines[name] = value
  }
  return lines
}
