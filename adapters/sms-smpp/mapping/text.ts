import { fileLink } from '../../../gateway/cpm/file-link.js'
import type { CpmMessage } from '../../../gateway/cpm/message.js'
import { type MimePart, parseMediaType, partOctets, transferEncoding } from '../../../gateway/cpm/mime.js'
import { leavesOf, type MimeTree, parseMimeTree } from '../../../gateway/cpm/multipart.js'
import type { SmsOptions } from '../profile.js'

export type TextRules = Pick<SmsOptions, 'unsupportedContent' | 'subject'>

/** What of a content its reader is to get: text, or media that he is to fetch by a link. */
export type Piece = string | Media

export interface Media {
  readonly type: string
  readonly name?: string
  readonly octets: Buffer
}

/** The address of media that SMS cannot carry; undefined when there is none. */
export type LinkTo = (media: Media) => string | undefined

const NO_LINKS: LinkTo = () => undefined

/** The text an SMS carries for this message, or undefined when its content cannot go by SMS (IWF-MSG-01). */
export function smsText(
  message: Pick<CpmMessage, 'content' | 'subject'>,
  rules: TextRules,
  linkTo: LinkTo = NO_LINKS,
): string | undefined {
  const text = bodyText(message.content, rules.unsupportedContent, linkTo)
  if (text === undefined) return undefined
  return rules.subject === 'first-line' && message.subject ? `${message.subject}\n${text}` : text
}

function bodyText(
  content: CpmMessage['content'],
  fallback: TextRules['unsupportedContent'],
  linkTo: LinkTo,
): string | undefined {
  const media = parseMediaType(content.type)
  if (!media) return undefined
  if (media.type === 'text/plain') {
    if ('text' in content) return content.text
    return decode(Buffer.from(content.base64, 'base64'), media.params.get('charset'))
  }
  if (fallback === 'text-part') return media.type.startsWith('multipart/') ? textPart(content) : undefined
  return fallback === 'link' ? textWithLinks(content, linkTo) : undefined
}

function textWithLinks(content: CpmMessage['content'], linkTo: LinkTo): string | undefined {
  const lines = piecesOf(content)?.map((piece) => (typeof piece === 'string' ? piece : linkTo(piece)))
  // What is left out unsaid would be lost.
  return lines?.length && lines.every((line) => line !== undefined) ? lines.join('\n') : undefined
}

/** A content other than text taken apart, in order; undefined when it cannot be read. */
export function piecesOf(content: CpmMessage['content']): readonly Piece[] | undefined {
  const media = parseMediaType(content.type)
  const octets = 'text' in content ? Buffer.from(content.text) : Buffer.from(content.base64, 'base64')
  if (media === undefined) return undefined
  if (!media.type.startsWith('multipart/')) {
    const piece = pieceOf(media.type, content.type, octets)
    return piece === undefined ? undefined : [piece]
  }
  // Octets one for one, so that raw media stay what they are.
  const tree = treeOf(content.type, octets.toString('latin1'))
  if (tree === undefined) return undefined
  const pieces = bestOf(tree).map(({ type, part }) => {
    const found = ENCODED.test(transferEncoding(part)) ? partOctets(part) : Buffer.from(part.body, 'latin1')
    return found && pieceOf(type, part.headers.get('content-type') ?? 'text/plain', found, nameOf(part))
  })
  const read = pieces.filter((piece) => piece !== undefined)
  return read.length === pieces.length ? read.filter((piece) => piece !== '') : undefined
}

function pieceOf(type: string, written: string, octets: Buffer, name?: string): Piece | undefined {
  if (PRESENTATION.test(type)) return ''
  if (type === 'text/plain') return decode(octets, parseMediaType(written)?.params.get('charset'))
  return fileLink(type, octets.toString('utf8')) ?? { type: written, octets, ...(name === undefined ? {} : { name }) }
}

/** It says how parts are shown, and shows nothing by itself. */
const PRESENTATION = /^application\/smil(?:\+xml)?$/

const nameOf = ({ headers }: MimePart): string | undefined =>
  parseMediaType(headers.get('content-type') ?? '')?.params.get('name') ??
  /filename="?([^";]{1,100})/i.exec(headers.get('content-disposition') ?? '')?.[1]

function treeOf(type: string, body: string): MimeTree | undefined {
  const tree = parseMimeTree({ headers: new Map([['content-type', type]]), body })
  return tree.kind === 'fault' ? undefined : tree
}

type Leaf = Extract<MimeTree, { readonly kind: 'leaf' }>

/** The leaves, of alternatives the plain text, or else the last (RFC 2046 §5.1.4). */
function bestOf(tree: MimeTree): readonly Leaf[] {
  if (tree.kind === 'leaf') return [tree]
  const children = tree.parts.map(bestOf)
  if (tree.type !== 'multipart/alternative') return children.flat()
  return children.find((leaves) => leaves.every(({ type }) => type === 'text/plain')) ?? children.at(-1) ?? []
}

const ENCODED = /^(?:base64|quoted-printable)$/

/** The first text/plain part of a multipart. */
function textPart(content: CpmMessage['content']): string | undefined {
  const body = 'text' in content ? content.text : Buffer.from(content.base64, 'base64').toString('utf8')
  const tree = treeOf(content.type, body)
  const leaf = tree && leavesOf(tree).find(({ type }) => type === 'text/plain')
  if (!leaf) return undefined
  const charset = parseMediaType(leaf.part.headers.get('content-type') ?? 'text/plain')?.params.get('charset')
  return decode(partOctets(leaf.part), charset)
}

function decode(octets: Buffer | undefined, charset = 'utf-8'): string | undefined {
  if (!octets) return undefined
  try {
    return new TextDecoder(charset, { fatal: true }).decode(octets)
  } catch {
    // A charset the platform does not know, or octets that are not in it.
    return undefined
  }
}
