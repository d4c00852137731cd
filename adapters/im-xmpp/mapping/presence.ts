import { hash } from 'node:crypto'
import type { PresencePerson, PresenceState, PresenceTuple } from '../../../gateway/cpm/presence.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { attribute, child, childText, tag, textTag } from '../stream/element.js'
import { NS } from '../stream/names.js'

/** Presence of one device in XMPP, and the tuple it is in PIDF (RFC 8048 §5). */

type Show = 'away' | 'chat' | 'dnd' | 'xa'

const SHOW_OF: Readonly<Record<string, Show>> = {
  away: 'away',
  'permanent-absence': 'xa',
  holiday: 'xa',
  vacation: 'xa',
  appointment: 'dnd',
  busy: 'dnd',
  meeting: 'dnd',
  'on-the-phone': 'dnd',
  performance: 'dnd',
  presentation: 'dnd',
}
const ACTIVITY_OF: Readonly<Record<string, string>> = { away: 'away', xa: 'permanent-absence', dnd: 'busy' }
/** The best known is said: what keeps messages away counts for more. */
const SHOWS: readonly Show[] = ['dnd', 'xa', 'away', 'chat']

/** What one resource says of its user. */
export interface Device {
  readonly tuple: PresenceTuple
  readonly activity?: string
  readonly idle?: { readonly since?: number }
}

const NOTE = 1_000
const ID = 100

/** Reads an available presence; `resource` names the device. */
export function readDevice(presence: XmlElement, resource: string, now: number): Device {
  const show = childText(presence, 'show', NS.component)?.trim() ?? ''
  const status = presence.children.find(({ local, uri }) => local === 'status' && uri === NS.component)
  const language = status?.attributes.find(({ local }) => local === 'lang')?.value
  const priority = Number.parseInt(childText(presence, 'priority', NS.component) ?? '0', 10) || 0
  const idle = child(presence, 'idle', NS.idle)
  const since = idle && Date.parse(attribute(idle, 'since') ?? '')
  const activity = Object.hasOwn(ACTIVITY_OF, show) ? ACTIVITY_OF[show] : undefined
  return {
    tuple: {
      id: tupleId(resource),
      // RFC 6121 §4.7.2.3: a negative priority takes no messages.
      open: priority >= 0,
      priority: Math.round((Math.min(127, Math.max(0, priority)) / 127) * 1000) / 1000,
      ...(status === undefined || status.text === ''
        ? {}
        : { note: { text: status.text.slice(0, NOTE), ...(language === undefined ? {} : { language }) } }),
      at: now,
    },
    ...(activity === undefined ? {} : { activity }),
    ...(idle === undefined ? {} : { idle: since === undefined || Number.isNaN(since) ? {} : { since } }),
  }
}

/** `ID-` and the resource, with what an XML id may not hold in hexadecimal; a digest of a long one, so that no two are alike. */
export function tupleId(resource: string): string {
  const legal = resource.replace(/[^A-Za-z0-9.-]/gu, (character) => `_${character.codePointAt(0)?.toString(16)}_`)
  return `ID-${legal.length > ID ? hash('sha256', resource, 'hex') : legal}`
}

/** All devices of a user together, with the link to his avatar; nobody there: closed. */
export function stateOf(devices: Iterable<Device>, icon?: string): PresenceState {
  const all = [...devices]
  if (all.length === 0) return { tuples: [{ id: 'ID-none', open: false }] }
  const best = all.reduce((a, b) => ((b.tuple.priority ?? 0) > (a.tuple.priority ?? 0) ? b : a))
  const person: PresencePerson | undefined =
    best.activity === undefined && best.idle === undefined && icon === undefined
      ? undefined
      : {
          activities: best.activity === undefined ? [] : [best.activity],
          moods: [],
          ...(icon === undefined ? {} : { icon }),
          ...(best.idle === undefined ? {} : { idle: best.idle }),
        }
  return { tuples: all.map(({ tuple }) => tuple), ...(person === undefined ? {} : { person }) }
}

/** One presence stanza to write: the resource, and what stands inside. */
export interface WrittenDevice {
  readonly resource: string
  readonly available: boolean
  readonly content: string
}

/** The devices of a CPM user as resources. */
export function writeDevices({ tuples, person }: PresenceState): readonly WrittenDevice[] {
  const shows = (person?.activities ?? []).flatMap((activity) => SHOW_OF[activity] ?? [])
  const show = SHOWS.find((each) => shows.includes(each))
  const idle = person?.idle === undefined ? '' : tag('idle', { xmlns: NS.idle, since: idleSince(person.idle.since) })
  return tuples.map(({ id, open, priority, note }) => {
    const said = note ?? person?.note
    const status = said === undefined ? '' : textTag('status', said.text.slice(0, NOTE), { 'xml:lang': said.language })
    const resource = id.replace(/^ID-/, '').slice(0, 200) || 'cpm'
    if (open === false) return { resource, available: false, content: status }
    return {
      resource,
      available: true,
      content: [
        show === undefined ? '' : textTag('show', show),
        status,
        priority === undefined ? '' : textTag('priority', String(Math.round(Math.min(1, Math.max(0, priority)) * 127))),
        idle,
      ].join(''),
    }
  })
}

const idleSince = (since: number | undefined): string | undefined =>
  since === undefined ? undefined : new Date(since).toISOString()
