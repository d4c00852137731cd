import type { SessionsConfig } from '../../../config/sessions.js'
import type { Clock } from '../../../cpm/clock.js'
import { sipAnswerFor } from '../../../cpm/failure.js'
import { ICSI } from '../../../cpm/features.js'
import type { IncomingMessage, Verdict } from '../../../msrp/incoming.js'
import { collect } from '../../../msrp/octet-pipe.js'
import { attribute, buildSdp, type Description, ownSessionLines, parseSdp } from '../../../msrp/sdp/description.js'
import { buildMessageStream, type MessageStream, readMessageStream } from '../../../msrp/sdp/message-stream.js'
import { answerStream } from '../../../msrp/sdp/negotiate.js'
import { refusal } from '../../../msrp/sdp/streams.js'
import type { CpmRequest, SipAnswer } from '../../../sip/port.js'
import type { IncomingCall, Invitation, Leg } from '../../../sip/session-port.js'
import type { MediaEndpoint } from '../anchor.js'
import { type LargeMessageLimits, toRequest } from './request.js'

export interface LargeReceiverOptions {
  readonly policies: SessionsConfig['largeMessages']
  readonly limits: LargeMessageLimits
  readonly endpoint: MediaEndpoint
  /** Takes the message as if it had come as MESSAGE; answered when its sender may forget it. */
  readonly take: (request: CpmRequest) => Promise<SipAnswer>
  readonly clock: Clock
}

/** Time for the sender's BYE after his message has been answered. */
const END_MS = 10_000

export const isLargeMessage = ({ icsi }: Pick<Invitation, 'icsi'>): boolean =>
  icsi === ICSI.largeMessage || icsi === ICSI.groupLargeMessage

/**
 * Messages in large message mode: an INVITE, one message/cpim over MSRP, BYE. The message is received whole, within bounds, and
 * then is a message like any other; the answer to its last octets is what a MESSAGE would have been answered.
 */
export function createLargeReceiver({ policies, limits, endpoint, take, clock }: LargeReceiverOptions) {
  let underWay = 0

  function refusalOf(stream: MessageStream | undefined): SipAnswer | undefined {
    if (underWay >= policies.atOnce) return { status: 503, retryAfterSeconds: 5 }
    if (!stream) return { status: 488, warning: 'one message stream is expected' }
    const selector = attribute(stream.others, 'file-selector') ?? ''
    const size = Number(/(?:^|\s)size:(\d{1,15})(?:\s|$)/.exec(selector)?.[1] ?? 0)
    return size > policies.maxBytes ? { status: 413, warning: `at most ${policies.maxBytes} octets` } : undefined
  }

  async function invited(call: IncomingCall): Promise<void> {
    const { invitation } = call
    const offer = parseSdp(invitation.offer)
    const found = offer && firstStream(offer)
    const why = refusalOf(found?.stream)
    if (why || !offer || !found) return call.reject(why ?? { status: 488 })
    const { stream, index } = found
    let leg: Leg | undefined
    const session = endpoint.open(
      {
        message: (message) => (taken ? refuse(403) : receive(message)),
        closed: () => void leg?.end(),
      },
      { secure: stream.secure, acceptTypes: ['message/cpim'], maxSize: policies.maxBytes },
    )
    if (!session) return call.reject({ status: 503, retryAfterSeconds: 5 })
    const answered = answerStream(stream, {
      path: session.path,
      acceptTypes: ['message/cpim'],
      wrappedTypes: ['*'],
      maxSize: policies.maxBytes,
      ...(stream.secure && endpoint.fingerprint && { fingerprint: endpoint.fingerprint }),
      direction: 'recvonly',
      reachable: endpoint.reachable(stream.secure),
    })
    if (!answered) {
      session.close()
      return call.reject({ status: 488 })
    }
    let taken = false
    const refuse = async (status: number): Promise<Verdict> => ({ status })

    async function receive(message: IncomingMessage): Promise<Verdict> {
      taken = true
      const verdict = await conclude(invitation, message)
      clock.after(END_MS, () => void leg?.end())
      return verdict
    }

    underWay++
    try {
      const media = offer.media.map((each, at) => (at === index ? buildMessageStream(answered.answer) : refusal(each)))
      const [first] = session.path
      leg = await call.accept({ sdp: buildSdp({ session: ownSessionLines(1, 1, first.host), media }) })
      const { ended } = leg
      const over = (): void => {
        underWay--
        session.close()
      }
      if (ended.aborted) over()
      else ended.addEventListener('abort', over, { once: true })
      session.start(answered.negotiated)
    } catch {
      // The caller has gone.
      underWay--
      session.close()
    }
  }

  async function conclude(invitation: Invitation, message: IncomingMessage): Promise<Verdict> {
    const octets = await collect(message.body, policies.maxBytes)
    if (!octets) return { status: 413 }
    const request = toRequest(invitation, octets, clock.now(), limits)
    if ('fault' in request) return { status: msrpStatus(sipAnswerFor(request.reason).status) }
    return { status: msrpStatus((await take(request)).status) }
  }

  return { invited, underWay: () => underWay }
}

function firstStream(offer: Description): { readonly stream: MessageStream; readonly index: number } | undefined {
  for (const [index, media] of offer.media.entries()) {
    const stream = media.port > 0 ? readMessageStream(offer, media) : undefined
    if (stream && stream.direction !== 'recvonly' && stream.direction !== 'inactive') return { stream, index }
  }
  return undefined
}

/** What MSRP can say of a refusal (RFC 4975 §10). */
function msrpStatus(status: number): number {
  if (status < 300) return 200
  if (status === 400 || status === 413 || status === 415) return status
  return status === 408 || (status >= 500 && status < 600) ? 408 : 403
}
