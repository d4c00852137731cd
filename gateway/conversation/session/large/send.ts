import type { SessionsConfig } from '../../../config/sessions.js'
import type { Clock } from '../../../cpm/clock.js'
import { cpmHeaders, encodeMessageBody } from '../../../cpm/encode.js'
import { ICSI } from '../../../cpm/features.js'
import type { CpmMessage } from '../../../cpm/message.js'
import { octets } from '../../../interworking/selection.js'
import { offersTls } from '../../../msrp/listener.js'
import type { SendOutcome } from '../../../msrp/outgoing.js'
import { buildSdp, ownSessionLines, parseSdp } from '../../../msrp/sdp/description.js'
import { buildMessageStream, readMessageStream } from '../../../msrp/sdp/message-stream.js'
import { acceptAnswer, offerStream } from '../../../msrp/sdp/negotiate.js'
import type { MsrpSession } from '../../../msrp/session.js'
import { createGate, inTurn } from '../../../sip/gate.js'
import type { OutgoingMessage, SipEdge, SipOutcome } from '../../../sip/port.js'
import type { CallOutcome } from '../../../sip/session-port.js'
import type { MediaEndpoint } from '../anchor.js'

export interface LargeSenderOptions {
  readonly edge: Pick<SipEdge, 'send' | 'sessions'>
  readonly endpoint: MediaEndpoint
  readonly policies: SessionsConfig['largeMessages']
  /** Octets of the largest MESSAGE. */
  readonly maxMessage: number
  readonly clock: Clock
}

/** Devices take large messages without asking their users. */
const ANSWER_WITHIN_MS = 30_000
/** Refusals of one who knows no large messages; a MESSAGE may do. */
const TAKES_NO_SESSION = new Set([405, 415, 420, 488, 501, 606])

/**
 * Sends messages: small ones as MESSAGE, those above the limit in large message mode, by an INVITE and a session of their own.
 * The outcome is the same: taken when all octets have been answered.
 */
export function createLargeSender(options: LargeSenderOptions): Pick<SipEdge, 'send'> {
  const { edge, endpoint, policies, maxMessage, clock } = options
  const gate = createGate(policies.atOnce)

  async function large(outgoing: OutgoingMessage, message: CpmMessage): Promise<SipOutcome> {
    // Who else has got one is told beside a message, and not in it.
    const { listHistory: _, ...own } = message
    const { body } = encodeMessageBody(own)
    const text = Buffer.from(body, 'utf8')
    const secure = offersTls(endpoint.addresses)
    const session = endpoint.open({ message: async () => ({ status: 403 }) }, { secure, acceptTypes: ['message/cpim'] })
    if (!session) return { kind: 'unsent', said: 'too many MSRP sessions' }
    try {
      const outcome = await invite(outgoing, message, session, text.length)
      if (outcome.kind !== 'accepted') return refused(outcome)
      return await transfer(outcome, session, text)
    } finally {
      session.close()
    }
  }

  function invite(outgoing: OutgoingMessage, message: CpmMessage, session: MsrpSession, size: number) {
    const { destination, from, fromName = message.fromName, icsi, identities, maxForwards, excluded, icid } = outgoing
    const { callerPreferences } = outgoing
    const now = clock.now()
    const { Expires: life = '0', ...headers } = cpmHeaders(message, now)
    const service = icsi === undefined || icsi === ICSI.message || icsi === ICSI.groupMessage ? ICSI.largeMessage : icsi
    return edge.sessions.invite(
      {
        destination,
        to: message.to,
        from,
        icsi: service,
        identities: {},
        headers: { ...headers, 'Message-Expires': life },
        expiresAt: now + ANSWER_WITHIN_MS,
        offer: offerOf(session, endpoint, size),
        privacy: message.privacy,
        ...(fromName !== undefined && { fromName }),
        ...(message.subject !== undefined && { subject: message.subject }),
        ...(identities && { addresses: identities }),
        ...(maxForwards !== undefined && { maxForwards }),
        ...(excluded && { excluded }),
        ...(callerPreferences && { callerPreferences }),
        ...(icid !== undefined && { icid }),
      },
      () => undefined,
      new AbortController().signal,
    )
  }

  async function transfer(
    { leg, sdp }: Extract<CallOutcome, { kind: 'accepted' }>,
    session: MsrpSession,
    body: Buffer,
  ): Promise<SipOutcome> {
    const negotiated = settle(sdp, session, endpoint, body.length)
    if (negotiated === undefined) {
      await leg.end({ status: 488, text: 'the answer cannot be used' })
      return answered(488, 'Not Acceptable Here')
    }
    const { maxSize = body.length } = negotiated
    if (maxSize < body.length) {
      await leg.end({ status: 413, text: 'larger than what is taken' })
      return answered(413, 'Request Entity Too Large')
    }
    leg.ended.addEventListener('abort', () => session.close(), { once: true })
    session.start(negotiated)
    const outcome = await session.send({ contentType: 'message/cpim', body }).outcome
    await leg.end()
    return sent(outcome)
  }

  async function sendLarge(outgoing: OutgoingMessage, message: CpmMessage): Promise<SipOutcome> {
    const outcome = await inTurn(gate, () => large(outgoing, message))
    const asMessage =
      outcome.kind === 'answered' && TAKES_NO_SESSION.has(outcome.status) && sizeOf(message) < maxMessage
    return asMessage ? edge.send(outgoing) : outcome
  }

  return {
    send(outgoing) {
      const { content, asIm } = outgoing
      const isSmall = content.kind !== 'message' || asIm || sizeOf(content.message) <= policies.above
      return isSmall ? edge.send(outgoing) : sendLarge(outgoing, content.message)
    },
  }
}

const HEADS = 1_000

/** About what a MESSAGE with it would have. */
const sizeOf = ({ content }: CpmMessage): number =>
  HEADS + ('text' in content ? octets(content) : content.base64.length)

function offerOf({ path }: MsrpSession, endpoint: MediaEndpoint, size: number): string {
  const { fingerprint } = endpoint
  const [first] = path
  const stream = offerStream({
    path,
    acceptTypes: ['message/cpim'],
    wrappedTypes: ['*'],
    maxSize: size,
    direction: 'sendonly',
    reachable: endpoint.reachable(first.secure),
    ...(first.secure && fingerprint && { fingerprint }),
    others: [`a=file-selector:size:${size}`],
  })
  return buildSdp({ session: ownSessionLines(1, 1, first.host), media: [buildMessageStream(stream)] })
}

function settle(sdp: string, session: MsrpSession, endpoint: MediaEndpoint, size: number) {
  const answer = parseSdp(sdp)
  const [media] = answer?.media ?? []
  const stream = answer && media && readMessageStream(answer, media)
  const offer = parseSdp(offerOf(session, endpoint, size))
  const [own] = offer?.media ?? []
  const offered = offer && own && readMessageStream(offer, own)
  return stream && offered && acceptAnswer(offered, stream)
}

type Answered = Extract<SipOutcome, { kind: 'answered' }>

const answered = (status: number, reason: string): Answered => ({
  kind: 'answered',
  status,
  reason,
  said: `${status} ${reason} (large message)`,
})

function refused(outcome: Exclude<CallOutcome, { kind: 'accepted' }>): SipOutcome {
  switch (outcome.kind) {
    case 'refused': {
      const { status, reason, retryAfterSeconds } = outcome
      return { ...answered(status, reason), ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }
    }
    case 'unanswered':
      return { kind: 'silent', said: outcome.said }
    case 'withdrawn':
      return { kind: 'unsent', said: 'withdrawn' }
  }
}

/** What the peer said of the octets. */
function sent(outcome: SendOutcome): SipOutcome {
  switch (outcome.kind) {
    case 'sent':
      return answered(200, 'OK')
    case 'refused':
      return answered(outcome.status, 'refused over MSRP')
    case 'failed':
      return outcome.cause === 'too-large'
        ? answered(413, 'Request Entity Too Large')
        : { kind: 'silent', said: `the transfer ended: ${outcome.cause}` }
  }
}
