import type { SipHeaders } from './headers.js'
import { keepLink } from './kept-link.js'
import type { InviteEvents, Link, LinkOptions, LinkOutcome, OutgoingRequest, SentInvite } from './link.js'

/** What became of a request we sent; see SipOutcome. */
export type SipExchange =
  | { readonly kind: 'answered'; readonly status: number; readonly reason: string; readonly headers: SipHeaders }
  | { readonly kind: 'silent'; readonly said: string }
  | { readonly kind: 'unsent'; readonly said: string }

export interface SipStack {
  start(): Promise<void>
  stop(): void
  /** Always settles, at the latest after `timeoutMs`. */
  request(request: OutgoingRequest, timeoutMs: number): Promise<SipExchange>
  /** See Link. A dialog belongs to the link that made it, so that a request too large for a drachtio-server is not sent. */
  invite(request: OutgoingRequest, timeoutMs: number, events: InviteEvents): SentInvite
  listening(): readonly string[]
  healthy(): boolean
}

export interface SipStackOptions extends LinkOptions {
  /**
   * Frames are for a drachtio-server, whose read buffer holds 12,228 octets and breaks under load above 4,030: large requests go one
   * by one over a link of their own, and larger ones are not sent.
   */
  readonly smallFrames: boolean
  readonly onUp: () => void
}

const LARGE_FRAME = 4_000
const MAX_FRAME = 12_000

/** SIP requests in and out through a drachtio-server, with an end to every wait. */
export function createSipStack(options: SipStackOptions): SipStack {
  const { smallFrames, onUp } = options
  const main = keepLink(options, onUp)
  const { onInvite: _, ...withoutCalls } = options
  const large = smallFrames
    ? keepLink({ ...withoutCalls, methods: [], onLost: () => undefined }, () => undefined)
    : undefined
  let lastLarge: Promise<void> = Promise.resolve()

  /** Frames of a size that the server may not bear: one by one, over a link of their own, or not at all. */
  function requestSized(request: OutgoingRequest, timeoutMs: number): Promise<SipExchange> {
    const size = frameSize(request)
    if (size > MAX_FRAME) return unsent(`too large for the drachtio-server: ${size} octets`)
    if (size <= LARGE_FRAME) return requestBy(main.current(), request, timeoutMs)
    const link = large?.current()
    return link ? requestLarge(link, request, timeoutMs).then(toExchange) : unsent(NO_LINK)
  }

  async function requestLarge(link: Link, request: OutgoingRequest, timeoutMs: number): Promise<LinkOutcome> {
    const before = lastLarge
    let taken = (): void => undefined
    lastLarge = new Promise((resolve) => {
      taken = resolve
    })
    await before
    return link.request(request, timeoutMs, taken).finally(taken)
  }

  return {
    async start() {
      await Promise.all([main.start(), large?.start()])
    },
    stop() {
      main.stop()
      large?.stop()
    },
    request: (request, timeoutMs) =>
      smallFrames ? requestSized(request, timeoutMs) : requestBy(main.current(), request, timeoutMs),
    invite(request, timeoutMs, events) {
      const size = smallFrames ? frameSize(request) : 0
      const link = size > LARGE_FRAME ? undefined : main.current()
      if (link) return link.invite(request, timeoutMs, events)
      const said = size > LARGE_FRAME ? `too large for the drachtio-server: ${size} octets` : NO_LINK
      events.final({ kind: 'refused', said }, '')
      return { cancel: () => undefined }
    },
    listening: () => main.current()?.listening ?? [],
    healthy: () => main.current() !== undefined,
  }
}

const NO_LINK = 'no link to the SIP server'

const unsent = (said: string): Promise<SipExchange> => Promise.resolve({ kind: 'unsent', said })

const requestBy = (link: Link | undefined, request: OutgoingRequest, timeoutMs: number): Promise<SipExchange> =>
  link ? link.request(request, timeoutMs).then(toExchange) : unsent(NO_LINK)

/**
 * The server answers in the peer's place when the peer does not (RFC 3261 §8.1.3.1): 408 after the transaction timeout, 503 when
 * the transport failed.
 */
export function toExchange(outcome: LinkOutcome): SipExchange {
  switch (outcome.kind) {
    case 'refused':
      return { kind: 'unsent', said: outcome.said }
    case 'lost':
      return { kind: 'silent', said: outcome.said }
    case 'response': {
      const { status, reason, headers, synthesised } = outcome
      if (!synthesised) return { kind: 'answered', status, reason, headers }
      return { kind: status === 408 ? 'silent' : 'unsent', said: `${status} ${reason}` }
    }
  }
}

/** Octets of the frame, a little more rather than less: the link adds an id, the start line and Content-Length. */
function frameSize(request: OutgoingRequest): number {
  let size = 200 + request.uri.length + Buffer.byteLength(request.body ?? '') + (request.nextHop?.length ?? 0)
  for (const name in request.headers) {
    for (const value of [request.headers[name] ?? []].flat()) size += name.length + 4 + Buffer.byteLength(value)
  }
  return size
}
