import { buildSdp, type Description, type Media, parseSdp } from '../../msrp/sdp/description.js'
import { readMessageStream } from '../../msrp/sdp/message-stream.js'
import { activeStreams, refusal } from '../../msrp/sdp/streams.js'
import { type Anchor, type MediaEndpoint, openAnchor } from './anchor.js'
import type { Passed } from './recorder.js'
import { type Carried, carryAnswer, carryOffer, otherSide, type Side, type Slot } from './slots.js'

export interface MediaRouteOptions {
  readonly allowed: (media: Media) => boolean
  /** Absent: media do not pass through us, and descriptions are not touched (`SESS-09`). */
  readonly endpoint?: MediaEndpoint
  /** Octets of one message that passes. */
  readonly maxMessage: number
  /** The last stream that passed through us has broken. */
  readonly lost: () => void
}

/** What two sides tell each other of their media. */
export interface MediaRoute {
  /** An offer of one side; a string says why it goes no further. */
  offer(from: Side, sdp: string): Offering | string
  /** Says something to a side on a message stream that passes through us; false when there is none, or it was not taken. */
  say(to: Side, cpim: string): Promise<boolean>
  /** What has gone through us; undefined where media take another way. */
  passed(): Passed | undefined
  close(): void
}

/** An offer on its way. Exactly one of answered and dropped is called. */
export interface Offering {
  /** As the other side gets it. */
  readonly sdp: string
  /** Streams it holds, for choosing devices. */
  readonly kinds: readonly string[]
  /** The other side's answer as the offerer gets it; undefined when it cannot be read or leaves nothing. */
  answered(sdp: string): string | undefined
  dropped(): void
}

interface Anchored {
  readonly anchor: Anchor
  readonly isNew: boolean
}

/** Carries offers and answers between two sides under a policy, and media too where we stay in their path (`UP-06` to `UP-09`). */
export function createMediaRoute({ allowed, endpoint, maxMessage, lost }: MediaRouteOptions): MediaRoute {
  let slots: readonly Slot[] = []
  /** By the position on the near side, or on the far one where the near side does not see it. */
  const anchors = new Map<string, Anchor>()
  let others = 0
  let messages = 0
  let octets = 0
  let over = false

  const keyOf = (slot: Slot): string => (slot.near === undefined ? `far ${slot.far}` : `near ${slot.near}`)

  function broken(anchor: Anchor): void {
    for (const [key, known] of anchors) if (known === anchor) anchors.delete(key)
    if (!over && anchors.size === 0 && others === 0) lost()
  }

  /** The anchor of a stream: the one it has, or a new one when the offerer has moved. */
  function anchorOf(key: string, from: Side, description: Description, media: Media): Anchored | undefined {
    const stream = readMessageStream(description, media)
    // RFC 4975 §14.4: who asks for TLS is not given less, nor TLS without a certificate of ours.
    if (!endpoint || !stream || (stream.secure && !endpoint.fingerprint)) return undefined
    const known = anchors.get(key)
    if (known?.isAt(from, stream)) return { anchor: known, isNew: false }
    const passed = (size: number): void => {
      messages++
      octets += size
    }
    const anchor = openAnchor(endpoint, stream.secure, maxMessage, () => anchor && broken(anchor), passed)
    return anchor && { anchor, isNew: true }
  }

  function offer(from: Side, text: string): Offering | string {
    const description = parseSdp(text)
    if (!description) return 'the session description cannot be read'
    const carried = carryOffer(slots, from, description, allowed)
    if (!carried) return 'none of the streams is allowed'
    const kinds = activeStreams(carried.offer).map(({ kind }) => kind)
    if (!endpoint) return offeringUntouched(from, text, description, carried, kinds)
    const used = new Map<string, Anchored>()
    const to = otherSide(from)
    const media = carried.offer.media.map((each, index) => {
      const slot = carried.slots.find((one) => one[to] === index)
      if (!slot || each.port === 0 || each.kind !== 'message') return each
      const anchored = anchorOf(keyOf(slot), from, description, slot.media)
      const stream = readMessageStream(description, slot.media)
      if (!anchored || !stream) return refusal(each)
      used.set(keyOf(slot), anchored)
      return anchored.anchor.offerTo(to, stream)
    })
    const passed = { ...carried.offer, media }
    const dropped = (): void => {
      for (const { anchor, isNew } of used.values()) if (isNew) anchor.close()
    }
    if (activeStreams(passed).length === 0) {
      dropped()
      return 'the message stream cannot pass through here'
    }
    return {
      sdp: buildSdp(passed),
      kinds,
      dropped,
      answered: (answer) => anchoredAnswer(from, description, carried, used, answer, dropped),
    }
  }

  function offeringUntouched(
    from: Side,
    text: string,
    description: Description,
    carried: Carried,
    kinds: readonly string[],
  ): Offering {
    const to = otherSide(from)
    const isCut =
      carried.offer.media.length !== description.media.length ||
      carried.offer.media.some((media, index) => media !== description.media[index] && media.port === 0)
    const isSame = !isCut && carried.slots.every((slot) => slot[from] === slot[to])
    return {
      sdp: isSame ? text : buildSdp(carried.offer),
      kinds,
      dropped: () => undefined,
      answered(answer) {
        const parsed = parseSdp(answer)
        if (!parsed || activeStreams(parsed).length === 0) return undefined
        slots = carried.slots
        return isSame ? answer : buildSdp(carryAnswer(carried.slots, from, description, parsed))
      },
    }
  }

  function anchoredAnswer(
    from: Side,
    description: Description,
    carried: Carried,
    used: ReadonlyMap<string, Anchored>,
    text: string,
    dropped: () => void,
  ): string | undefined {
    const answer = parseSdp(text)
    if (!answer) {
      dropped()
      return undefined
    }
    const to = otherSide(from)
    const back = carryAnswer(carried.slots, from, description, answer)
    const kept = new Map<string, Anchor>()
    const media = back.media.map((each, index) => {
      const slot = carried.slots.find((one) => one[from] === index)
      const anchored = slot && used.get(keyOf(slot))
      const at = slot?.[to]
      const answeredMedia = at === undefined ? undefined : answer.media[at]
      if (!slot || !anchored || !answeredMedia || answeredMedia.port === 0) return each
      const offered = readMessageStream(description, slot.media)
      const stream = readMessageStream(answer, answeredMedia)
      const built = offered && stream && anchored.anchor.answerTo(from, offered, stream)
      if (!built) return refusal(each)
      kept.set(keyOf(slot), anchored.anchor)
      return built
    })
    for (const { anchor } of used.values()) if (![...kept.values()].includes(anchor)) anchor.close()
    for (const [key, anchor] of anchors) if (kept.get(key) !== anchor) anchor.close()
    anchors.clear()
    for (const [key, anchor] of kept) anchors.set(key, anchor)
    slots = carried.slots
    const answered = { ...back, media }
    others = activeStreams(answered).length - kept.size
    return activeStreams(answered).length === 0 ? undefined : buildSdp(answered)
  }

  return {
    offer,
    async say(to, cpim) {
      const [anchor] = anchors.values()
      return (await anchor?.say(to, cpim)) ?? false
    },
    passed: () => endpoint && { messages, octets },
    close() {
      over = true
      for (const anchor of anchors.values()) anchor.close()
      anchors.clear()
    },
  }
}
