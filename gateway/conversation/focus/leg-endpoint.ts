import type { Clock } from '../../cpm/clock.js'
import type { EndpointInfo } from '../../cpm/conference-info.js'
import { acceptsType } from '../../msrp/accept-types.js'
import type { Leg } from '../../sip/session-port.js'
import type { LegMedia, MessageLink, StreamTemplate } from './leg-media.js'
import { PARCEL_TYPE, type Parcel } from './parcel.js'
import type { Endpoint, Leaving, Participant } from './participant.js'
import type { FocusRecorder } from './recorder.js'
import { kindOf, type StreamKey } from './streams.js'

/** A member with MSRP: one dialog of one device. */
export interface LegEndpoint extends Endpoint {
  readonly leg: Leg
  readonly media: LegMedia
  /** Offers a change of streams, in turn with others; resolves when it is settled, one way or the other (`MOD-13`). */
  reoffer(removed: ReadonlySet<StreamKey>, added: readonly StreamTemplate[]): Promise<void>
}

export interface LegEndpointOptions {
  readonly participant: Participant
  readonly number: number
  readonly leg: Leg
  readonly media: LegMedia
  readonly joining: EndpointInfo['joining'] & string
  readonly device?: string
  readonly clock: Clock
  readonly recorder: FocusRecorder
  /** Its streams are others than before. */
  readonly changed: () => void
  /** It cannot go on. */
  readonly failed: (leaving: Leaving) => void
}

/** What a member may leave untaken before it is dropped, so that nobody waits for it. */
const MAX_WAITING = 500
const MAX_WAITING_BYTES = 4 * 1024 * 1024
/** A change that meets one of the member's own is tried again. */
const ATTEMPTS = 3
const AGAIN_MS = 2_500

export function createLegEndpoint(options: LegEndpointOptions): LegEndpoint {
  const { participant, leg, media, joining, device, clock, recorder, changed, failed } = options
  const entity = `${participant.entity};ep=${options.number}`
  let waiting = 0
  let waitingBytes = 0
  let over = false
  let turn: Promise<void> = Promise.resolve()

  function deliver(key: StreamKey, parcel: Parcel): void {
    const link = over ? undefined : media.message(key)
    if (!link?.receives) return
    if (!suits(link, parcel)) recorder.count('copy-unsuited')
    else if (waiting >= MAX_WAITING || waitingBytes + parcel.octets.length > MAX_WAITING_BYTES) drop()
    else send(link, parcel.octets)
  }

  function send({ session }: MessageLink, octets: Buffer): void {
    waiting++
    waitingBytes += octets.length
    void session.send({ contentType: PARCEL_TYPE, body: octets }).outcome.then((outcome) => {
      waiting--
      waitingBytes -= octets.length
      if (outcome.kind === 'sent' || over) return
      recorder.count('copy-failed')
      if (outcome.kind === 'failed' && (outcome.cause === 'timeout' || outcome.cause === 'queue-full')) drop()
    })
  }

  function drop(): void {
    if (over) return
    recorder.count('dropped')
    failed({ how: 'failed', status: 408, text: 'messages were not taken' })
  }

  async function offerOnce(removed: ReadonlySet<StreamKey>, added: readonly StreamTemplate[]): Promise<boolean> {
    const offer = over ? undefined : media.offer(removed, added)
    if (offer === undefined) return true
    const outcome = await leg.modify(offer)
    if (over) return true
    if (outcome.kind === 'answered') {
      media.answered(outcome.sdp)
      media.start()
    } else media.refused()
    return outcome.kind === 'answered' || outcome.status !== 491
  }

  async function reoffer(removed: ReadonlySet<StreamKey>, added: readonly StreamTemplate[]): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS && !over; attempt++) {
      if (await offerOnce(removed, added)) break
      await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve))
    }
    if (!over) changed()
  }

  return {
    participant,
    entity,
    leg,
    media,
    ...(device !== undefined && { device }),
    keys: () => media.keys(),
    section: (key) => media.section(key),
    deliver,
    reoffer(removed, added) {
      turn = turn.then(() => reoffer(removed, added))
      return turn
    },
    info: () => ({
      entity,
      status: 'connected',
      joining,
      media: media.directions().map(([id, status]) => ({ id, type: kindOf(id), status })),
    }),
    end({ status, text = '' }) {
      over = true
      media.close()
      return leg.end(status === undefined ? undefined : { status, text })
    },
  }
}

/** Whether the member takes such content (RFC 4975 §8.6: what may be within the envelope). */
function suits({ peer: { acceptTypes, wrappedTypes, maxSize } }: MessageLink, { type, octets }: Parcel): boolean {
  const inner = wrappedTypes.length > 0 ? wrappedTypes : acceptTypes
  const isOpen = wrappedTypes.length === 0 && acceptTypes.every((one) => one.toLowerCase() === PARCEL_TYPE)
  return (isOpen || acceptsType(inner, type)) && octets.length <= (maxSize ?? octets.length)
}
