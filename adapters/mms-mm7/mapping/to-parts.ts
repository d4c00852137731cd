import { fileLink, LINK_TYPES } from '../../../gateway/cpm/file-link.js'
import type { Content } from '../../../gateway/cpm/message.js'
import { buildMediaType, parseMediaType } from '../../../gateway/cpm/mime.js'
import { carries } from '../adaptation/index.js'
import { isFault } from '../wire/fault.js'
import { mediaTypeOf, type Part } from '../wire/index.js'
import { type Entity, readEntity } from '../wire/mime.js'
import { textOf, textPart } from './text.js'

/**
 * The media of a CPM message, in order: a multipart taken apart, of alternatives the best that is carried, and what phones do not
 * know in a form that they do. Undefined when the content cannot be read.
 */
export function partsOf(content: Content, types: readonly string[]): readonly Part[] | undefined {
  const media = parseMediaType(content.type)
  if (media === undefined) return undefined
  const octets = 'text' in content ? Buffer.from(content.text) : Buffer.from(content.base64, 'base64')
  if (!media.type.startsWith('multipart/')) {
    const type = 'text' in content ? withUtf8(content.type) : content.type
    return [readable({ type, octets })]
  }
  const tree = readEntity(content.type, octets)
  // What is cut off is no message of a user's.
  if (isFault(tree) || tree.oddities.size > 0) return undefined
  return leaves(tree.entity, types).map(readable)
}

function withUtf8(type: string): string {
  const media = parseMediaType(type)
  return media === undefined
    ? type
    : buildMediaType({ type: media.type, params: new Map([...media.params, ['charset', 'utf-8']]) })
}

function leaves({ part, children }: Entity, types: readonly string[]): readonly Part[] {
  if (children === undefined) return isPresentation(part) ? [] : [part]
  if (mediaTypeOf(part) !== 'multipart/alternative') return children.flatMap((child) => leaves(child, types))
  // RFC 2046 §5.1.4: the last is the best.
  const readings = children.map((child) => leaves(child, types))
  const carried = readings.filter((parts) => parts.length > 0 && parts.every(({ type }) => carries(types, type)))
  return carried.at(-1) ?? readings[0] ?? []
}

/** The sender's own presentation names parts that will be called otherwise. */
const isPresentation = (part: Part): boolean => /^application\/smil(?:\+xml)?$/.test(mediaTypeOf(part))

const LOCATION = 'application/vnd.gsma.rcspushlocation+xml'
const POSITION = /<(?:\w{1,20}:)?pos(?:\s[^>]{0,200})?>\s{0,20}(-?[\d.]{1,20})\s{1,20}(-?[\d.]{1,20})/

/** Media types that are carried in another form, whatever the profile says. */
export const CARRIED_OTHERWISE: readonly string[] = [...LINK_TYPES, LOCATION, 'text/vcard']

/** What every phone can read: text in UTF-8, the link instead of its descriptor, a place as text (RFC 5870), vCards by their old name. */
function readable(part: Part): Part {
  const type = mediaTypeOf(part)
  if (type === 'text/plain') return { ...part, ...textPart(textOf(part)) }
  if (type === 'text/vcard') return { ...part, type: part.type.replace(/^\s*text\/vcard/i, 'text/x-vcard') }
  const text = type === LOCATION ? placeIn(part) : fileLink(type, Buffer.from(part.octets).toString('utf8'))
  return text === undefined ? part : textPart(text)
}

function placeIn({ octets }: Part): string | undefined {
  const [, latitude, longitude] = POSITION.exec(Buffer.from(octets).toString('utf8')) ?? []
  return latitude === undefined ? undefined : `geo:${latitude},${longitude}`
}

const ENDINGS: Readonly<Record<string, string>> = {
  'text/plain': 'txt',
  'image/jpeg': 'jpg',
  'image/png': 'png',
  'image/gif': 'gif',
  'audio/amr': 'amr',
  'audio/mpeg': 'mp3',
  'audio/mp4': 'm4a',
  'video/3gpp': '3gp',
  'video/mp4': 'mp4',
  'text/x-vcard': 'vcf',
  'text/x-vcalendar': 'vcs',
}

/**
 * Gives each part its short ASCII name, as file name, Content-ID and Content-Location alike: what MMSCs match by one, phones
 * match by another.
 */
export function named(parts: readonly Part[]): readonly Part[] {
  const taken = new Set<string>()
  return parts.map((part, index) => {
    const own = part.name !== undefined && SHORT_NAME.test(part.name) && !taken.has(part.name) ? part.name : undefined
    const name = own ?? freshName(mediaTypeOf(part), index + 1, taken)
    taken.add(name)
    return { type: part.type, octets: part.octets, name, contentId: name, location: name }
  })
}

const SHORT_NAME = /^[A-Za-z0-9][\w-]{0,31}\.\w{1,5}$/

function freshName(type: string, number: number, taken: ReadonlySet<string>): string {
  const name = `${type.slice(0, type.indexOf('/'))}${number}.${ENDINGS[type] ?? 'bin'}`
  return taken.has(name) ? freshName(type, number * 10, taken) : name
}
