import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { attribute, child, childText } from '../stream/element.js'
import { NS } from '../stream/names.js'

/** What a message stanza says, whatever it is about. */
export interface ReadMessage {
  readonly type: 'chat' | 'normal' | 'groupchat' | 'headline' | 'error'
  readonly id?: string
  /** Text with its link, if it has one; a correction (XEP-0308) has a mark before it. */
  readonly text?: string
  /** The link, where it is all there is: a file (XEP-0363 §7). */
  readonly file?: string
  readonly subject?: string
  readonly thread?: string
  /** When it was sent, if it was delayed on its way (XEP-0203), ms since 1970. */
  readonly sentAt?: number
  readonly wantsReceipt: boolean
  readonly markable: boolean
  /** Ids of our stanzas it is about. */
  readonly received?: string
  readonly displayed?: string
  readonly answers?: string
  readonly chatState?: 'active' | 'composing' | 'paused' | 'inactive' | 'gone'
}

const TYPES = new Set(['chat', 'groupchat', 'headline', 'error'])
const CHAT_STATES = new Set(['active', 'composing', 'paused', 'inactive', 'gone'])
const RETRACTIONS: ReadonlySet<string> = new Set([NS.retract, NS.retractBefore])
/** As people mark a correction where nothing can be changed. */
const CORRECTED = '* '
const SUBJECT = 1000
const ID = 512

export function readMessage(stanza: XmlElement): ReadMessage {
  const given = attribute(stanza, 'type') ?? 'normal'
  const type = (TYPES.has(given) ? given : 'normal') as ReadMessage['type']
  const text = textOf(stanza)
  const subject = childText(stanza, 'subject', NS.component)?.slice(0, SUBJECT)
  return {
    type,
    wantsReceipt: type !== 'error' && child(stanza, 'request', NS.receipts) !== undefined,
    markable: type !== 'error' && child(stanza, 'markable', NS.markers) !== undefined,
    ...present('id', bounded(attribute(stanza, 'id')) ?? aboutId(stanza, 'origin-id', NS.originId)),
    ...present('text', text),
    ...present('file', text === undefined ? undefined : fileOf(stanza, text)),
    ...present('subject', subject === '' ? undefined : subject),
    ...present('thread', bounded(childText(stanza, 'thread', NS.component))),
    ...present('sentAt', delayed(stanza)),
    ...present('received', aboutId(stanza, 'received', NS.receipts) ?? aboutId(stanza, 'received', NS.markers)),
    ...present('displayed', aboutId(stanza, 'displayed', NS.markers) ?? aboutId(stanza, 'acknowledged', NS.markers)),
    ...present('answers', aboutId(stanza, 'reply', NS.reply)),
    ...present('chatState', chatState(stanza)),
  }
}

const present = <Name extends string, Value>(name: Name, value: Value | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: Value }

const bounded = (id: string | undefined): string | undefined => (id === '' || (id?.length ?? 0) > ID ? undefined : id)

const aboutId = (stanza: XmlElement, local: string, uri: string): string | undefined => {
  const about = child(stanza, local, uri)
  return about && bounded(attribute(about, 'id'))
}

function textOf(stanza: XmlElement): string | undefined {
  // What CPM has cannot be taken back; the words beside a retraction (XEP-0424) are for clients that do not know it.
  if (stanza.children.some(({ local, uri }) => local === 'retract' && RETRACTIONS.has(uri))) return undefined
  const bodies = stanza.children.filter(({ local, uri }) => local === 'body' && uri === NS.component)
  // RFC 6121 §5.2.3: the body without a language of its own is the one for everybody.
  const plain = bodies.find(({ attributes }) => !attributes.some(({ local }) => local === 'lang'))
  const body = (plain ?? bodies[0])?.text ?? ''
  const link = linkOf(stanza) ?? ''
  const text = link === '' || body.includes(link) ? body : body === '' ? link : `${body}\n${link}`
  if (text === '') return undefined
  return child(stanza, 'replace', NS.correct) === undefined ? text : `${CORRECTED}${text}`
}

function linkOf(stanza: XmlElement): string | undefined {
  const oob = child(stanza, 'x', NS.oob)
  return oob && childText(oob, 'url', NS.oob)?.trim()
}

const fileOf = (stanza: XmlElement, text: string): string | undefined => {
  const link = linkOf(stanza)
  return link === text.trim() ? link : undefined
}

function delayed(stanza: XmlElement): number | undefined {
  const delay = child(stanza, 'delay', NS.delay)
  const at = Date.parse((delay && attribute(delay, 'stamp')) ?? '')
  return Number.isNaN(at) ? undefined : at
}

function chatState(stanza: XmlElement): ReadMessage['chatState'] {
  const state = stanza.children.find(({ uri, local }) => uri === NS.chatStates && CHAT_STATES.has(local))
  return state?.local as ReadMessage['chatState']
}
