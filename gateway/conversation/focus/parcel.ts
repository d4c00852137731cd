import { buildCpim, type Cpim, type CpimFault, type CpimHeader, parseCpim } from '../../cpm/cpim.js'
import { newMessageId } from '../../cpm/identity.js'
import { imdnHeader } from '../../cpm/imdn-headers.js'
import type { MimePart } from '../../cpm/mime.js'
import { MESSAGE_TYPE } from './leg-media.js'
import type { Participant } from './participant.js'

/** One message on its way to the members, once for all of them. */
export interface Parcel {
  readonly octets: Buffer
  /** Media type of the content, without parameters. */
  readonly type: string
  readonly from: Participant
  /** The only one it is for. */
  readonly privateTo?: Participant
  /** Read when a member without MSRP gets it. */
  content(): Cpim | CpimFault
}

export const PARCEL_TYPE = MESSAGE_TYPE

export function createParcel(octets: Buffer, type: string, from: Participant, privateTo?: Participant): Parcel {
  let read: Cpim | CpimFault | undefined
  return {
    octets,
    type,
    from,
    ...(privateTo && { privateTo }),
    content() {
      read ??= parseCpim(octets.toString('utf8'))
      return read
    },
  }
}

/** The media type of a content, in small letters, without parameters. */
export const plainType = (contentType: string): string => (contentType.split(';', 1)[0] ?? '').trim().toLowerCase()

/** A message that begins here, in the name of a participant outside CPM. */
export interface OwnMessage {
  readonly from: Participant
  readonly to: string
  readonly content: MimePart
  readonly sentAt: number
  readonly headers?: readonly CpimHeader[]
  readonly privateTo?: Participant
}

export function parcelOf({ from, to, content, sentAt, headers, privateTo }: OwnMessage): Parcel {
  const text = buildCpim({
    from: { uri: from.entity, ...(from.name !== undefined && { name: from.name }) },
    to: [{ uri: to }],
    cc: [],
    dateTime: sentAt,
    headers: headers ?? [imdnHeader('Message-ID', newMessageId())],
    content,
  })
  return createParcel(Buffer.from(text), plainType(content.headers.get('content-type') ?? ''), from, privateTo)
}

/** The message with the sender's pseudonym in place of his address (`GRP-GAP-04`); all else as it came. */
export function withFrom(octets: Buffer, entity: string): Buffer {
  const text = octets.toString('latin1')
  const end = /\r?\n\r?\n/.exec(text)?.index ?? text.length
  const head = text.slice(0, end).replace(/^From:.*$/im, `From: <${entity}>`)
  return Buffer.from(head + text.slice(end), 'latin1')
}
