import type { MsrpEndpoint } from '../../msrp/endpoint.js'
import { createRelay, type RelayHandlers } from '../../msrp/relay.js'
import type { Media } from '../../msrp/sdp/description.js'
import { buildMessageStream, type MessageStream } from '../../msrp/sdp/message-stream.js'
import { acceptAnswer, answerStream, type OwnStream, offerStream } from '../../msrp/sdp/negotiate.js'
import type { MsrpSession, SessionHandlers } from '../../msrp/session.js'
import { formatPath } from '../../msrp/wire/uri.js'
import { otherSide, type Side } from './slots.js'

/** The part of an MSRP endpoint that sessions need. */
export type MediaEndpoint = Pick<MsrpEndpoint, 'open' | 'addresses' | 'reachable' | 'fingerprint' | 'sessions'>

/** A message stream that passes through us: one MSRP session with each side. */
export interface Anchor {
  /** Whether this side still has the stream where it was. */
  isAt(side: Side, stream: MessageStream): boolean
  /** The stream as it is offered to the other side. */
  offerTo(side: Side, offered: MessageStream): Media
  /**
   * What the offerer is answered, once the other side has answered its offer; starts the media the first time. Undefined when
   * the two do not come together.
   */
  answerTo(side: Side, offered: MessageStream, answer: MessageStream): Media | undefined
  /** Says something of our own to a side; waits for its connection. */
  say(side: Side, cpim: string): Promise<boolean>
  close(): void
}

/**
 * Opens both sessions; undefined when there are too many. `lost` is called once when one of them ends by itself, `passed` for each
 * message that one side has taken from the other.
 */
export function openAnchor(
  endpoint: MediaEndpoint,
  secure: boolean,
  maxSize: number,
  lost: () => void,
  passed: (octets: number) => void,
): Anchor | undefined {
  const relay = createRelay()
  let over = false
  const ended = (): void => {
    if (over) return
    close()
    lost()
  }
  const counting = (handlers: RelayHandlers): SessionHandlers => ({
    ...handlers,
    closed: ended,
    async message(message) {
      const verdict = await handlers.message(message)
      if (verdict.status === 200) passed(message.body.pushed)
      return verdict
    },
  })
  const near = endpoint.open(counting(relay.near), { secure, maxSize })
  const far = near && endpoint.open(counting(relay.far), { secure, maxSize })
  if (!near || !far) {
    over = true
    near?.close()
    return undefined
  }
  relay.join(near, far)
  const sessions: Readonly<Record<Side, MsrpSession>> = { near, far }
  const remote = new Map<Side, string>()
  let made: MessageStream | undefined

  function close(): void {
    over = true
    near?.close()
    far?.close()
  }

  function own(side: Side, like: MessageStream): OwnStream {
    return {
      path: sessions[side].path,
      acceptTypes: like.acceptTypes,
      wrappedTypes: like.wrappedTypes,
      maxSize: Math.min(like.maxSize ?? maxSize, maxSize),
      ...(endpoint.fingerprint && secure && { fingerprint: endpoint.fingerprint }),
      ...(like.chatroom && { chatroom: like.chatroom }),
      direction: like.direction,
      reachable: endpoint.reachable(secure),
      others: like.others,
    }
  }

  return {
    isAt: (side, stream) => remote.get(side) === formatPath(stream.path),
    offerTo(side, offered) {
      made = offerStream(own(side, offered))
      return buildMessageStream(made)
    },
    answerTo(side, offered, answer) {
      const other = otherSide(side)
      const mine = { ...own(side, answer), direction: answer.direction }
      const settled = made && acceptAnswer(made, answer)
      const answered = answerStream(offered, mine)
      if (!settled || !answered) return undefined
      if (!remote.has(side)) {
        sessions[other].start(settled)
        sessions[side].start(answered.negotiated)
      }
      remote.set(side, formatPath(offered.path))
      remote.set(other, formatPath(answer.path))
      return buildMessageStream(answered.answer)
    },
    async say(side, cpim) {
      const { outcome } = sessions[side].send({ contentType: 'message/cpim', body: Buffer.from(cpim) })
      const isTaken = (await outcome).kind === 'sent'
      if (isTaken) passed(Buffer.byteLength(cpim))
      return isTaken
    },
    close,
  }
}
