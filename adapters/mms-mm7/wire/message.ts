import { randomBytes } from 'node:crypto'
import { parseMediaType } from '../../../gateway/cpm/mime.js'
import { contentOf, entitiesOf, rootOf, writeContent } from './content.js'
import { type Dialect, fault, isFault, type Mm7Fault, STATUS } from './fault.js'
import { type EntityTree, joinParts, type MimeStyle, readEntity, writePart } from './mime.js'
import type { Mm7Message, Operation } from './operations.js'
import type { MmsContent } from './part.js'
import { readEnvelope, writeEnvelope } from './soap.js'

/** Things that were let pass, for counters. */
export type Oddity = 'truncated-multipart' | 'content-not-named'

/** One MM7 message as it came: the operation, and what it carries. */
export interface Received<Op extends Operation = Operation> {
  readonly transactionId?: string
  readonly dialect: Dialect
  readonly message: Mm7Message<Op>
  readonly content?: MmsContent
  readonly oddities: readonly Oddity[]
}

/**
 * Reads the body of an HTTP request or answer: SOAP alone, or SOAP with attachments. Tolerant of what MMSCs do; a fault has
 * the StatusCode to answer, and how.
 */
export function readMessage(contentType: string | undefined, body: Buffer): Received | Mm7Fault {
  const media = parseMediaType(contentType ?? 'text/xml')
  if (media === undefined) return fault('malformed', STATUS.formatCorrupt, 'Content-Type cannot be read')
  if (!media.type.startsWith('multipart/')) {
    const envelope = readEnvelope(body, media.params.get('charset'))
    return isFault(envelope) ? envelope : { ...envelope, oddities: [] }
  }
  const tree = readEntity(contentType ?? '', body)
  return isFault(tree) ? tree : readParts(tree)
}

function readParts({ entity, oddities }: EntityTree): Received | Mm7Fault {
  const root = rootOf(entity)
  if (root === undefined) return fault('malformed', STATUS.formatCorrupt, 'multipart without a SOAP part')
  const envelope = readEnvelope(root.part.octets, parseMediaType(root.part.type)?.params.get('charset'))
  if (isFault(envelope)) return envelope
  const { message, transactionId, dialect } = envelope
  const others = (entity.children ?? []).filter((child) => child !== root)
  const references = 'contents' in message ? (message.contents ?? []) : []
  const found = entitiesOf(others, references)
  if (found === undefined) {
    const missing = fault('content-missing', STATUS.formatCorrupt, 'Content names a part that is not there')
    return { ...missing, ...(transactionId === undefined ? {} : { transactionId }), dialect }
  }
  const odd: Oddity[] = [...oddities, ...(found.guessed ? ['content-not-named' as const] : [])]
  return { ...envelope, ...(found.entities.length > 0 ? { content: contentOf(found.entities) } : {}), oddities: odd }
}

/** A message to be written. */
export interface Sending {
  readonly transactionId?: string
  readonly dialect: Dialect
  readonly message: Mm7Message
  /** Named by a Content element that is added to the message. */
  readonly content?: MmsContent
}

export interface SendingStyle extends MimeStyle {
  /** Whether the parameter `type` of the outer multipart stands in quotes: MMSCs differ in what they refuse. */
  readonly quoteType: boolean
}

export const USUAL_STYLE: SendingStyle = { binary: false, quoteType: true }

/** Body of an HTTP request or answer, with its Content-Type. */
export interface Written {
  readonly contentType: string
  readonly body: Buffer
}

const SOAP_TYPE = 'text/xml; charset="utf-8"'
const CONTENT_ID = 'content-1'

/** Writes a message as the schema has it: SOAP alone, or with its content as an attachment. */
export function writeMessage({ content, ...sending }: Sending, style: SendingStyle = USUAL_STYLE): Written {
  const allowed = 'contents' in sending.message ? sending.message.contents?.[0]?.allowAdaptations : undefined
  const reference = { href: `cid:${CONTENT_ID}`, ...(allowed === undefined ? {} : { allowAdaptations: allowed }) }
  const message = content === undefined ? sending.message : { ...sending.message, contents: [reference] }
  const envelope = Buffer.from(writeEnvelope({ ...sending, message: message as Mm7Message }))
  if (content === undefined) return { contentType: SOAP_TYPE, body: envelope }
  const boundary = newBoundary()
  const soap = writePart({ type: SOAP_TYPE, contentId: 'soap-start', octets: envelope }, style)
  const attached = writeContent(content, CONTENT_ID, newBoundary(), style)
  const type = style.quoteType ? '"text/xml"' : 'text/xml'
  return {
    contentType: `multipart/related; type=${type}; start="<soap-start>"; boundary="${boundary}"`,
    body: joinParts([soap, attached], boundary),
  }
}

/** Long enough to occur in no content. */
const newBoundary = (): string => `=_mm7_${randomBytes(15).toString('hex')}`
