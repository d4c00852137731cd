import type { ComposingState, Participant, SessionMessage } from '../../../../adapters/contract/index.js'
import { cpimText } from '../../../conversation/session/large/cpim-text.js'
import type { UriOptions } from '../../../cpm/address.js'
import { readContent, writeContent } from '../../../cpm/content.js'
import { buildCpim, parseCpim } from '../../../cpm/cpim.js'
import { encodeNotificationBody } from '../../../cpm/encode.js'
import { newMessageId } from '../../../cpm/identity.js'
import type { MessageId, Uri } from '../../../cpm/ids.js'
import { parseImdn } from '../../../cpm/imdn.js'
import { type ImdnRequest, readImdnRequest, writeImdnRequest } from '../../../cpm/imdn-headers.js'
import type { DispositionNotification, DispositionRequest } from '../../../cpm/message.js'
import { base64Lines, type MimePart, parseMediaType, partOctets } from '../../../cpm/mime.js'
import { buildIsComposing, IS_COMPOSING_TYPE, parseIsComposing } from '../../../msrp/is-composing.js'

/** Contents of MSRP messages and what they say in a session. Pure. */

export const CPIM_TYPE = 'message/cpim'
export const IMDN_TYPE = 'message/imdn+xml'

/** What a user has sent; `status` is the MSRP answer to what cannot be read. */
export type Said =
  | { readonly kind: 'message'; readonly message: SessionMessage }
  | { readonly kind: 'composing'; readonly state: ComposingState }
  | { readonly kind: 'report'; readonly notification: DispositionNotification }
  | { readonly kind: 'fault'; readonly status: 400 | 415 }

/** Who has sent it, and when it came, ms since 1970. */
export interface Sender extends UriOptions {
  readonly from: Participant
  readonly now: number
}

const fault = (status: 400 | 415): Said => ({ kind: 'fault', status })

/** Reads a message that came over MSRP, in CPIM or without. CPIM's From does not count: the session has one user. */
export function readSaid(contentType: string, octets: Buffer, sender: Sender): Said {
  const type = parseMediaType(contentType)?.type
  if (type === undefined) return fault(400)
  if (type !== CPIM_TYPE) return readPart(partOf(contentType, type, octets), {}, sender)
  const text = cpimText(octets)
  const cpim = text === undefined ? undefined : parseCpim(text)
  if (cpim === undefined || cpim.kind === 'fault') return fault(400)
  const request = readImdnRequest(cpim)
  if (request === undefined) return fault(400)
  return readPart(cpim.content, { ...request, ...(cpim.dateTime !== undefined && { sentAt: cpim.dateTime }) }, sender)
}

function partOf(contentType: string, type: string, octets: Buffer): MimePart {
  const headers = new Map([['content-type', contentType]])
  if (type.startsWith('text/') || type.endsWith('+xml')) return { headers, body: octets.toString('utf8') }
  headers.set('content-transfer-encoding', 'base64')
  return { headers, body: base64Lines(octets) }
}

function readPart(part: MimePart, about: Partial<ImdnRequest> & { readonly sentAt?: number }, sender: Sender): Said {
  const type = parseMediaType(part.headers.get('content-type') ?? '')?.type
  const text = () => partOctets(part)?.toString('utf8') ?? ''
  if (type === IS_COMPOSING_TYPE) {
    const read = parseIsComposing(text())
    return 'kind' in read ? fault(400) : { kind: 'composing', state: read.state }
  }
  if (type === IMDN_TYPE) {
    const imdn = parseImdn(text(), { ...sender, sender: sender.from.address })
    return 'kind' in imdn ? fault(400) : { kind: 'report', notification: imdn }
  }
  const content = readContent(part)
  if (content === undefined) return fault(415)
  const { messageId = newMessageId(), dispositions = [], sentAt = sender.now } = about
  const reports = {
    delivered: dispositions.includes('positive-delivery'),
    failed: dispositions.includes('negative-delivery'),
    displayed: dispositions.includes('display'),
  }
  return { kind: 'message', message: { messageId, from: sender.from, content, sentAt, reports } }
}

/** A message on its way to the user's device. */
export interface Parcel {
  readonly contentType: string
  readonly body: Buffer
}

const wrapped = (body: string): Parcel => ({ contentType: CPIM_TYPE, body: Buffer.from(body) })

const address = ({ address: uri, name }: Participant) => ({ uri, ...(name !== undefined && { name }) })

/** In CPIM, unless the device takes none: then the bare content, of which nothing can be reported. */
export function writeMessage(
  { messageId, from, content, sentAt, reports }: SessionMessage,
  to: Uri,
  cpim: boolean,
): Parcel {
  if (!cpim) {
    const body = 'text' in content ? Buffer.from(content.text) : Buffer.from(content.base64, 'base64')
    return { contentType: content.type, body }
  }
  const dispositions: DispositionRequest[] = [
    ...(reports.delivered ? (['positive-delivery'] as const) : []),
    ...(reports.failed ? (['negative-delivery'] as const) : []),
    ...(reports.displayed ? (['display'] as const) : []),
  ]
  const headers = writeImdnRequest({ messageId, dispositions, recordRoute: [] })
  return wrapped(
    buildCpim({
      from: address(from),
      to: [{ uri: to }],
      cc: [],
      dateTime: sentAt,
      headers,
      content: writeContent(content),
    }),
  )
}

/** RFC 3994 §3.3: how long it counts when nothing follows. */
const REFRESH_S = 120

export function writeComposing(from: Participant, to: Uri, state: ComposingState, cpim: boolean): Parcel {
  const body = buildIsComposing({ state, refreshS: REFRESH_S })
  if (!cpim) return { contentType: IS_COMPOSING_TYPE, body: Buffer.from(body) }
  const content = { headers: new Map([['content-type', IS_COMPOSING_TYPE]]), body }
  return wrapped(buildCpim({ from: address(from), to: [{ uri: to }], cc: [], headers: [], content }))
}

/** What became of a message of the user. `sentAt`: its own DateTime; `at`: now, both ms since 1970. */
export function writeReport(
  messageId: MessageId,
  state: 'delivered' | 'displayed' | 'failed',
  envelope: { readonly from: Uri; readonly to: Uri; readonly sentAt: number; readonly at: number },
): Parcel {
  const { from, to, sentAt, at } = envelope
  const disposition =
    state === 'displayed'
      ? ({ kind: 'display', status: state } as const)
      : ({ kind: 'delivery', status: state } as const)
  const notification = { messageId, sentAt, recipient: from, disposition }
  return wrapped(encodeNotificationBody(notification, { from, to, messageId: newMessageId(), at }).body)
}
