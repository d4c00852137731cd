import { hash } from 'node:crypto'
import { stableId } from '../../../gateway/cpm/identity.js'
import type { Content } from '../../../gateway/cpm/message.js'
import type { Fields, MmsContent, Part, Received } from '../wire/index.js'
import { joinParts, writePart } from '../wire/mime.js'
import { inOrder } from './smil.js'
import { isText, textOf, textPart } from './text.js'

const BASE64 = { binary: false }

/**
 * The content of a multimedia message as CPM carries it: its texts as one, alone or before the media; a single medium as
 * itself; media in the order of the presentation, which is itself left behind.
 */
export function toContent(content: MmsContent | undefined): Content {
  const parts = inOrder(content?.parts ?? [], content?.smil)
  const text = parts
    .filter(isText)
    .map(textOf)
    .filter((each) => each !== '')
    .join('\n\n')
  const media = parts.filter((part) => !isText(part))
  const [only] = media
  if (only === undefined) return { type: 'text/plain; charset=utf-8', text }
  if (text === '' && media.length === 1) return { type: only.type, base64: base64(only.octets) }
  const all: readonly Part[] = text === '' ? media : [textPart(text), ...media]
  const written = all.map((part) => writePart(part, BASE64))
  const boundary = `=_mms_${digest(content).slice(0, 40)}`
  return { type: `multipart/mixed;boundary="${boundary}"`, base64: base64(joinParts(written, boundary)) }
}

const base64 = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('base64')

/** Tells whether two messages carry the same, however they were packed. */
export function digest(content: MmsContent | undefined): string {
  const parts = content?.parts ?? []
  return hash('sha256', parts.map((part) => hash('sha256', part.octets, 'hex')).join(), 'hex')
}

/**
 * Names of one delivery: by its TransactionID, where it has one, and by what it says; both with its content, since an MMSC
 * may begin to count anew.
 */
export function deliveryIds(
  { transactionId, message }: Pick<Received<'DeliverReq'>, 'transactionId' | 'message'>,
  recipient: string,
  contentDigest: string,
): { readonly id: string; readonly bySaying: string } {
  const said = [message.sender.value, recipient, message.timeStamp ?? '', contentDigest].join('|')
  const bySaying = `mm7.${stableId(said)}`
  if (transactionId === undefined) return { id: bySaying, bySaying }
  return { id: `mm7.${stableId(`${message.mmsRelayServerId ?? ''}|${transactionId}|${said}`)}`, bySaying }
}

const DATE_TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/

/** ms since 1970 of a date and time; without a zone it is UTC. Undefined when it is none. */
export function timeOf(text: Fields<'DeliverReq'>['timeStamp']): number | undefined {
  const [, local, zone = 'Z'] = DATE_TIME.exec(text ?? '') ?? []
  const at = Date.parse(`${local}${zone}`)
  return Number.isNaN(at) ? undefined : at
}
