import { buildDateTime, parseDateTime } from './date-time.js'
import type { Uri } from './ids.js'
import {
  ACTIVITIES,
  type PresenceNote,
  type PresencePerson,
  type PresenceState,
  type PresenceTuple,
} from './presence.js'
import { escapeXml, parseXml, type XmlElement, type XmlFault, type XmlLimits } from './xml.js'

/** The presence document (RFC 3863) with the data model (RFC 4479) and rich presence (RFC 4480), as far as it is mapped. */
export const PIDF_TYPE = 'application/pidf+xml'

const PIDF = 'urn:ietf:params:xml:ns:pidf'
const DATA_MODEL = `${PIDF}:data-model`
const RPID = `${PIDF}:rpid`
const LIMITS: XmlLimits = { chars: 65_536, depth: 16, elements: 1_000, attributes: 16 }
const MAX_TUPLES = 32
const MAX_NOTE = 1_024

/** Reads a document; what is not mapped is left out. `entity` is the presentity as the document names him. */
export function parsePidf(text: string): { readonly entity: string; readonly state: PresenceState } | XmlFault {
  const root = parseXml(text, LIMITS)
  if ('kind' in root) return root
  const entity = attribute(root, 'entity')
  if (root.uri !== PIDF || root.local !== 'presence' || entity === undefined) {
    return { kind: 'fault', fault: 'malformed', said: 'expected a presence document with an entity' }
  }
  const tuples = children(root, PIDF, 'tuple')
  if (tuples.length > MAX_TUPLES) return { kind: 'fault', fault: 'too-large', said: `more than ${MAX_TUPLES} tuples` }
  const [person] = children(root, DATA_MODEL, 'person')
  return {
    entity,
    state: { tuples: tuples.flatMap(readTuple), ...(person && { person: readPerson(person) }) },
  }
}

/** Writes a document. Ids are written as they are and must be XML ids. */
export function buildPidf(entity: string, state: PresenceState): string {
  const parts = pidfParts(state).map(({ text }) => text)
  return `${XML_DECLARATION}<presence ${PIDF_NAMESPACES} entity="${escapeXml(entity)}">${parts.join('')}</presence>\n`
}

/** One of the elements that a document consists of, and how it is selected in it (RFC 5261 §4.1). */
export interface PidfPart {
  readonly selector: string
  readonly text: string
}

export const XML_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
/** Declarations that the parts of a document rely on. */
export const PIDF_NAMESPACES = `xmlns="${PIDF}" xmlns:dm="${DATA_MODEL}" xmlns:rpid="${RPID}"`

/** The elements of a document, in their order. */
export function pidfParts({ tuples, person }: PresenceState): readonly PidfPart[] {
  return [
    ...tuples.map((tuple) => ({ selector: `*/tuple[@id='${escapeXml(tuple.id)}']`, text: writeTuple(tuple) })),
    ...(person ? [{ selector: PERSON_SELECTOR, text: writePerson(person) }] : []),
  ]
}

export const PERSON_SELECTOR = '*/dm:person'

function readTuple(tuple: XmlElement): readonly PresenceTuple[] {
  const id = attribute(tuple, 'id')
  if (id === undefined || !/^[\p{L}_][\p{L}\p{N}._-]{0,127}$/u.test(id)) return []
  const [status] = children(tuple, PIDF, 'status')
  const [basic] = status ? children(status, PIDF, 'basic') : []
  const [contact] = children(tuple, PIDF, 'contact')
  const [timestamp] = children(tuple, PIDF, 'timestamp')
  const open = basic && { open: 'true', closed: 'false' }[basic.text.trim()]
  const uri = contact?.text.trim()
  const priority = Number(attribute(contact, 'priority') ?? Number.NaN)
  const at = timestamp && parseDateTime(timestamp.text.trim())
  const note = readNote(children(tuple, PIDF, 'note'))
  return [
    {
      id,
      ...(open !== undefined && { open: open === 'true' }),
      ...(uri && /^[a-z][a-z0-9+.-]*:\S+$/i.test(uri) && { contact: uri as Uri }),
      ...(priority >= 0 && priority <= 1 && { priority: Math.round(priority * 1000) / 1000 }),
      ...(note && { note }),
      ...(at !== undefined && { at }),
    },
  ]
}

function readPerson(person: XmlElement): PresencePerson {
  const named = (list: string): readonly string[] =>
    children(person, RPID, list).flatMap(({ children: entries }) =>
      entries.filter(({ uri, local }) => uri === RPID && local !== 'note').map(({ local }) => local),
    )
  const note = readNote([...children(person, DATA_MODEL, 'note'), ...children(person, RPID, 'note')])
  const [input] = children(person, RPID, 'user-input')
  const [icon] = children(person, RPID, 'status-icon').map(({ text }) => text.trim())
  const since = parseDateTime(attribute(input, 'last-input') ?? '')
  return {
    activities: [...new Set(named('activities'))].filter((activity) => ACTIVITIES.has(activity)),
    moods: [...new Set(named('mood'))],
    ...(note && { note }),
    ...(icon !== undefined && isPicture(icon) && { icon }),
    ...(input?.text.trim() === 'idle' && { idle: since === undefined ? {} : { since } }),
  }
}

/** The first note: others are the same in other languages. */
function readNote([note]: readonly XmlElement[]): PresenceNote | undefined {
  if (!note) return undefined
  const language = attribute(note, 'lang')
  const text = note.text.trim().slice(0, MAX_NOTE)
  return { text, ...(language !== undefined && /^[A-Za-z0-9-]{1,35}$/.test(language) && { language }) }
}

function writeTuple({ id, open, contact, priority, note, at }: PresenceTuple): string {
  const basic = open === undefined ? '' : `<basic>${open ? 'open' : 'closed'}</basic>`
  const weight = priority === undefined ? '' : ` priority="${priority.toFixed(3)}"`
  return [
    `<tuple id="${escapeXml(id)}"><status>${basic}</status>`,
    contact === undefined ? '' : `<contact${weight}>${escapeXml(contact)}</contact>`,
    note ? writeNote('note', note) : '',
    at === undefined ? '' : `<timestamp>${buildDateTime(at)}</timestamp>`,
    '</tuple>',
  ].join('')
}

function writePerson({ activities, moods, note, icon, idle }: PresencePerson): string {
  const list = (name: string, entries: readonly string[]): string =>
    entries.length === 0 ? '' : `<rpid:${name}>${entries.map((entry) => `<rpid:${entry}/>`).join('')}</rpid:${name}>`
  const since = idle?.since === undefined ? '' : ` last-input="${buildDateTime(idle.since)}"`
  return [
    '<dm:person id="person">',
    list('activities', activities),
    list('mood', moods.filter(isName)),
    idle ? `<rpid:user-input${since}>idle</rpid:user-input>` : '',
    icon === undefined ? '' : `<rpid:status-icon>${escapeXml(icon)}</rpid:status-icon>`,
    note ? writeNote('dm:note', note) : '',
    '</dm:person>',
  ].join('')
}

const writeNote = (name: string, { text, language }: PresenceNote): string =>
  `<${name}${language === undefined ? '' : ` xml:lang="${escapeXml(language)}"`}>${escapeXml(text)}</${name}>`

/** Nothing but what a device may fetch. */
const isPicture = (address: string): boolean => address.length <= 1_000 && /^https?:\/\/[^\s"<>]+$/i.test(address)

const isName = (text: string): boolean => /^[a-z][a-z_-]{0,63}$/i.test(text)

const children = (parent: XmlElement, uri: string, local: string): readonly XmlElement[] =>
  parent.children.filter((child) => child.uri === uri && child.local === local)

const attribute = (element: XmlElement | undefined, local: string): string | undefined =>
  element?.attributes.find((each) => each.local === local)?.value
