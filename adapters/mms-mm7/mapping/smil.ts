import { escapeXml } from '../../../gateway/cpm/xml.js'
import { isFault } from '../wire/fault.js'
import { mediaTypeOf, type Part } from '../wire/index.js'
import { readXml, type XmlElement } from '../wire/xml.js'

/** The presentation of a multimedia message. Only what the MMS conformance document knows: two regions, slides. */

const HEAD =
  '<smil><head><layout><root-layout width="100%" height="100%"/>' +
  '<region id="Image" left="0" top="0" width="100%" height="70%" fit="meet"/>' +
  '<region id="Text" left="0" top="70%" width="100%" height="30%" fit="scroll"/>' +
  '</layout></head><body>'

type Medium = 'img' | 'video' | 'audio' | 'text'

/** What a slide shows of a part; undefined for what rides along unseen (a vCard, for one). */
function mediumOf(part: Part): Medium | undefined {
  const type = mediaTypeOf(part)
  if (type === 'text/plain') return 'text'
  if (type.startsWith('image/')) return 'img'
  if (type.startsWith('audio/')) return 'audio'
  return type.startsWith('video/') ? 'video' : undefined
}

type Slide = Map<'seen' | 'heard' | 'read', { readonly medium: Medium; readonly reference: string }>
const PLACE = { img: 'seen', video: 'seen', audio: 'heard', text: 'read' } as const
const REGION = { img: ' region="Image"', video: ' region="Image"', text: ' region="Text"', audio: '' } as const

/**
 * Builds the presentation of named parts, in their order: a slide holds at most one picture or video, one sound, one text.
 */
export function buildSmil(parts: readonly Part[], refs: 'location' | 'cid'): string {
  const slides: Slide[] = []
  for (const part of parts) {
    const medium = mediumOf(part)
    if (medium === undefined || part.name === undefined) continue
    const place = PLACE[medium]
    let slide = slides.at(-1)
    // What is seen begins a slide, and the text after it belongs to it.
    if (slide === undefined || slide.has(place) || (place !== 'read' && slide.has('read'))) {
      slide = new Map()
      slides.push(slide)
    }
    slide.set(place, { medium, reference: refs === 'cid' ? `cid:${part.name}` : part.name })
  }
  return `${HEAD}${slides.map(writeSlide).join('')}</body></smil>`
}

function writeSlide(slide: Slide): string {
  const long = [...slide.values()].some(({ medium }) => medium === 'audio' || medium === 'video')
  const media = [...slide.values()].map(
    ({ medium, reference }) => `<${medium} src="${escapeXml(reference)}"${REGION[medium]}/>`,
  )
  return `<par dur="${long ? 20 : 5}s">${media.join('')}</par>`
}

/** The parts in the order in which the presentation names them; those it does not name come last. */
export function inOrder(parts: readonly Part[], smil: string | undefined): readonly Part[] {
  if (smil === undefined) return parts
  const root = readXml(smil.replace(/<!DOCTYPE[^>[]*>/i, ''))
  if (isFault(root)) return parts
  const names = sourcesOf(root)
  const rank = (part: Part): number => {
    const found = names.findIndex((name) => [part.contentId, part.location, part.name].includes(name))
    return found < 0 ? names.length : found
  }
  return parts
    .map((part, index) => ({ part, index, rank: rank(part) }))
    .sort((a, b) => a.rank - b.rank || a.index - b.index)
    .map(({ part }) => part)
}

function sourcesOf(element: XmlElement): readonly string[] {
  const own = element.attributes
    .get('src')
    ?.replace(/^cid:/i, '')
    .replace(/^<(.*)>$/, '$1')
  return [...(own === undefined ? [] : [own]), ...element.children.flatMap(sourcesOf)]
}
