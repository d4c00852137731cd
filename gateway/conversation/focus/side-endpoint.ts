import type { SessionMessage, SessionSide } from '../../../adapters/contract/sessions.js'
import { readContent } from '../../cpm/content.js'
import type { Cpim } from '../../cpm/cpim.js'
import type { FailureReason } from '../../cpm/failure.js'
import { newMessageId } from '../../cpm/identity.js'
import { parseImdn } from '../../cpm/imdn.js'
import { readImdnRequest } from '../../cpm/imdn-headers.js'
import { partOctets } from '../../cpm/mime.js'
import { IS_COMPOSING_TYPE, parseIsComposing } from '../../msrp/is-composing.js'
import type { Parcel } from './parcel.js'
import type { Endpoint, Leaving, Participant } from './participant.js'
import type { FocusRecorder } from './recorder.js'
import type { StreamKey } from './streams.js'

export interface SideEndpointOptions {
  readonly participant: Participant
  /** What the service has given us. */
  readonly side: SessionSide
  readonly joining: 'dialed-in' | 'dialed-out'
  readonly recorder: FocusRecorder
  readonly now: () => number
  readonly failed: (leaving: Leaving) => void
  /** A message that the service has not taken. */
  readonly untaken: (message: SessionMessage) => void
}

export const IMDN_TYPE = 'message/imdn+xml'
/** The stream that all services without MSRP have. */
export const MESSAGE_STREAM: StreamKey = 'message'
/** Messages that the service has not yet taken; with more the member is dropped, so that nobody waits for it. */
const MAX_WAITING = 200
/** What a service hears of the statuses of an IMDN; of others nothing. */
const REPORTED: Readonly<Record<string, 'delivered' | 'displayed' | 'failed' | undefined>> = {
  delivered: 'delivered',
  displayed: 'displayed',
  failed: 'failed',
  error: 'failed',
}

/** How a service is told why. */
const ENDS: Partial<Record<Leaving['how'], FailureReason>> = {
  failed: 'service-unavailable',
  booted: 'sender-not-allowed',
}

/** A member outside CPM, by the session of a service (`FLOW-31`). */
export function createSideEndpoint(options: SideEndpointOptions): Endpoint {
  const { participant, side, joining, recorder, now, failed, untaken } = options
  const entity = `${participant.entity};ep=1`
  let waiting = 0
  let over = false

  function deliver(key: StreamKey, parcel: Parcel): void {
    if (over || key !== MESSAGE_STREAM) return
    const cpim = parcel.content()
    if (cpim.kind === 'fault') recorder.count('copy-unsuited')
    else if (parcel.type === IS_COMPOSING_TYPE) composing(parcel, cpim)
    else if (parcel.type === IMDN_TYPE) reported(parcel, cpim)
    else if (waiting < MAX_WAITING) say(parcel, cpim)
    else drop()
  }

  function drop(): void {
    recorder.count('dropped')
    failed({ how: 'failed', status: 408, text: 'messages were not taken' })
  }

  function composing({ from }: Parcel, { content }: Cpim): void {
    const read = parseIsComposing(partOctets(content)?.toString('utf8') ?? '')
    if (!('kind' in read)) side.composing(speaker(from), read.state)
  }

  function reported({ from, privateTo }: Parcel, { content }: Cpim): void {
    if (privateTo !== participant) return
    const imdn = parseImdn(partOctets(content)?.toString('utf8') ?? '', { sender: from.entity })
    const state = 'kind' in imdn ? undefined : REPORTED[imdn.disposition.status]
    if ('kind' in imdn || !state) recorder.count('copy-unsuited')
    else side.report(imdn.messageId, speaker(from), state)
  }

  function say(parcel: Parcel, cpim: Cpim): void {
    const content = readContent(cpim.content)
    if (content === undefined) {
      recorder.count('copy-unsuited')
      return
    }
    const { messageId = newMessageId(), dispositions = [] } = readImdnRequest(cpim) ?? {}
    const message: SessionMessage = {
      messageId,
      from: speaker(parcel.from),
      ...(parcel.privateTo && { privateTo: parcel.privateTo.entity }),
      content,
      sentAt: cpim.dateTime ?? now(),
      reports: {
        delivered: dispositions.includes('positive-delivery'),
        failed: dispositions.includes('negative-delivery'),
        displayed: dispositions.includes('display'),
      },
    }
    waiting++
    side
      .say(message)
      .then(({ kind }) => kind === 'taken')
      .catch(() => false)
      .then((taken) => {
        waiting--
        if (taken || over) return
        recorder.count('copy-failed')
        untaken(message)
      })
  }

  return {
    participant,
    entity,
    keys: () => new Set([MESSAGE_STREAM]),
    deliver,
    told(other, event) {
      if (over) return
      if (event === 'joined') side.joined(speaker(other))
      else side.left(speaker(other))
    },
    info: () => ({
      entity,
      status: 'connected',
      joining,
      media: [{ id: MESSAGE_STREAM, type: 'message', status: 'sendrecv' }],
    }),
    async end({ how, status }) {
      if (over) return
      over = true
      // It has left by itself, and knows.
      if (how === 'departed' && status === undefined) return
      await side.leave(ENDS[how])
    },
  }
}

/** A participant as a service sees him. */
export function speaker({ entity, name, nickname }: Participant) {
  const shown = nickname ?? name
  return { address: entity, ...(shown !== undefined && { name: shown }) }
}
