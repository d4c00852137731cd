import { readContent, writeContent } from '../../../gateway/cpm/content.js'
import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { Content } from '../../../gateway/cpm/message.js'
import { parseMediaType, partOctets } from '../../../gateway/cpm/mime.js'
import { leavesOf, parseMimeTree } from '../../../gateway/cpm/multipart.js'

/** A file that is to be uploaded. */
export interface OutgoingFile {
  readonly type: string
  readonly octets: Buffer
}

/** What of a content XMPP carries: lines of text, links, files. */
export interface Carried {
  readonly kind: 'carried'
  readonly texts: readonly string[]
  readonly links: readonly string[]
  readonly files: readonly OutgoingFile[]
}
export interface NotCarried {
  readonly kind: 'refused'
  readonly reason: FailureReason
  readonly said: string
}

export interface ContentRules {
  readonly maxBody: number
  readonly leftOut: 'note' | 'refuse'
  /** Where files can be put; absent: nowhere. */
  readonly place?: { readonly maxFile: number } | undefined
}

const LINKS = new Set(['application/vnd.gsma.rcs-ft-http+xml', 'text/uri-list'])
const URL_IN_TEXT = /https?:\/\/[^\s"'<>]{1,2000}/g
const LOCATION = 'application/vnd.gsma.rcspushlocation+xml'
const POSITION = /<(?:\w{1,20}:)?pos(?:\s[^>]{0,200})?>\s{0,20}(-?[\d.]{1,20})\s{1,20}(-?[\d.]{1,20})/
/** Media types whose text is sent as it is. */
const TEXTS = new Set(['text/plain', 'text/vcard', 'text/x-vcard', 'text/calendar', 'text/markdown'])

/** Media types carried without an upload service. */
export const CARRIED_TYPES: readonly string[] = [...TEXTS, ...LINKS, LOCATION, 'multipart/*']

/** Takes a content to pieces: what goes as text, what as a link, what has to be uploaded. */
export function carry(content: Content, rules: ContentRules): Carried | NotCarried {
  const parts = partsOf(content)
  if (parts === undefined) return { kind: 'refused', reason: 'malformed', said: 'content cannot be read' }
  const texts: string[] = []
  const links: string[] = []
  const files: OutgoingFile[] = []
  const left: string[] = []
  for (const part of parts) {
    const type = parseMediaType(part.type)?.type ?? ''
    const text = 'text' in part ? part.text : undefined
    const octets = 'text' in part ? Buffer.from(part.text) : Buffer.from(part.base64, 'base64')
    if (LINKS.has(type)) {
      const link = linkIn(octets.toString())
      if (link === undefined) left.push(type)
      else links.push(link)
    } else if (type === LOCATION) texts.push(placeIn(octets.toString()) ?? '')
    else if (text !== undefined && TEXTS.has(type)) texts.push(text)
    else if (rules.place !== undefined && octets.length <= rules.place.maxFile) files.push({ type, octets })
    else left.push(type)
  }
  const nothing = texts.length + links.length + files.length === 0
  if (left.length > 0 && (nothing || rules.leftOut === 'refuse')) {
    return { kind: 'refused', reason: 'content-unsupported', said: `not carried: ${left.join(', ').slice(0, 200)}` }
  }
  const all = [...texts, ...left.map((type) => `[${type}]`)].filter((text) => text !== '')
  const size = [...all, ...links].reduce((sum, text) => sum + Buffer.byteLength(text), 0)
  if (size > rules.maxBody) return { kind: 'refused', reason: 'too-large', said: `text of ${size} octets` }
  return { kind: 'carried', texts: all, links, files }
}

/** The descriptor of a file names its thumbnail first and the file last. */
const linkIn = (text: string): string | undefined => text.match(URL_IN_TEXT)?.at(-1)?.replaceAll('&amp;', '&')

/** A place as text (RFC 5870). */
function placeIn(text: string): string | undefined {
  const [, latitude, longitude] = POSITION.exec(text) ?? []
  return latitude === undefined ? undefined : `geo:${latitude},${longitude}`
}

function partsOf(content: Content): readonly Content[] | undefined {
  if (!/^\s*multipart\//i.test(content.type)) return [content]
  const written = writeContent(content)
  const octets = partOctets(written)
  const tree = octets && parseMimeTree({ headers: new Map([['content-type', content.type]]), body: octets.toString() })
  if (tree === undefined || tree.kind === 'fault') return undefined
  const read = leavesOf(tree).map(({ part }) => readContent(part))
  return read.every((part) => part !== undefined) ? read : undefined
}
