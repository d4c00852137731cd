import type { ContentReference } from './codec.js'
import { type Entity, joinParts, type MimeStyle, writePart } from './mime.js'
import { decodeOctets } from './names.js'
import { type MmsContent, mediaTypeOf, type Part } from './part.js'

/** The SOAP part: the one `start` names, else the first, else the first that is XML. */
export function rootOf({ children = [], start }: Entity): Entity | undefined {
  const named = start === undefined ? undefined : children.find(({ part }) => part.contentId === start)
  if (named !== undefined) return named
  const [first] = children
  const isXml = ({ part }: Entity) => /^(?:text|application)\/(?:soap\+)?xml$/.test(mediaTypeOf(part))
  return first !== undefined && isXml(first) ? first : (children.find(isXml) ?? first)
}

/** Strips what may stand around the name of a part: `cid:`, blanks, angle brackets, escapes. */
function nameOf(href: string): string {
  const plain = href
    .trim()
    .replace(/^cid:/i, '')
    .trim()
    .replace(/^<(.*)>$/, '$1')
  try {
    return decodeURIComponent(plain)
  } catch {
    return plain
  }
}

/**
 * The parts that the Content elements name, each by Content-ID, else by Content-Location. `guessed`: none is named, or only
 * the presentation of those beside it, so that all are meant; or the name leads nowhere, and there is only one it can be.
 * Undefined when a name leads nowhere.
 */
export function entitiesOf(
  others: readonly Entity[],
  references: readonly ContentReference[],
): { readonly entities: readonly Entity[]; readonly guessed: boolean } | undefined {
  const [only] = others
  if (references.length === 0) return { entities: others, guessed: only !== undefined }
  const found = references.map(({ href }) => {
    const name = nameOf(href)
    return (
      others.find(({ part }) => part.contentId !== undefined && nameOf(part.contentId) === name) ??
      others.find(({ part }) => part.location !== undefined && nameOf(part.location) === name)
    )
  })
  const entities = found.filter((entity) => entity !== undefined)
  if (entities.length === references.length) {
    // COMPAT(some MMSCs): the media lie beside their presentation, not with it in a multipart.
    const flat = others.length > entities.length && entities.every(isPresentation)
    return flat ? { entities: others, guessed: true } : { entities, guessed: false }
  }
  return only !== undefined && others.length === 1 ? { entities: [only], guessed: true } : undefined
}

const isPresentation = ({ part, children }: Entity): boolean => children === undefined && isSmil(part)

const isSmil = (part: Part): boolean => /^application\/smil(?:\+xml)?$/.test(mediaTypeOf(part))

const leaves = (entity: Entity): readonly Part[] =>
  entity.children === undefined ? [entity.part] : entity.children.flatMap(leaves)

/** All media of the content in order, whatever multiparts they lie in; the first SMIL is the presentation. */
export function contentOf(entities: readonly Entity[]): MmsContent {
  const all = entities.flatMap(leaves)
  const presentation = all.find(isSmil)
  const smil = presentation && decodeOctets(presentation.octets, 'utf-8')
  return { ...(smil === undefined ? {} : { smil }), parts: all.filter((part) => !isSmil(part)) }
}

const SMIL_ID = 'smil'

/**
 * Writes the content as one part named `id`: multipart/related when it has a presentation, a single medium as itself,
 * several as multipart/mixed.
 */
export function writeContent({ smil, parts }: MmsContent, id: string, boundary: string, style: MimeStyle): Buffer {
  const [only] = parts
  if (smil === undefined && parts.length === 1 && only !== undefined)
    return writePart({ ...only, contentId: id }, style)
  const written = parts.map((part) => writePart(part, style))
  if (smil === undefined) {
    return writePart(
      { type: `multipart/mixed; boundary="${boundary}"`, contentId: id, octets: joinParts(written, boundary) },
      style,
    )
  }
  const presentation = writePart(
    {
      type: 'application/smil; charset="utf-8"',
      contentId: SMIL_ID,
      location: `${SMIL_ID}.smil`,
      octets: Buffer.from(smil),
    },
    style,
  )
  const type = `multipart/related; type="application/smil"; start="<${SMIL_ID}>"; boundary="${boundary}"`
  return writePart({ type, contentId: id, octets: joinParts([presentation, ...written], boundary) }, style)
}
