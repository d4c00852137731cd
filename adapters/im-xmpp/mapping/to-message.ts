import { hash } from 'node:crypto'
import type { MessageId } from '../../../gateway/cpm/ids.js'
import { tag, textTag } from '../stream/element.js'
import { NS } from '../stream/names.js'

/** A message stanza to write (RFC 7572 §4). */
export interface MessageStanza {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly type: 'chat' | 'groupchat' | 'normal'
  readonly body?: string
  readonly subject?: string
  readonly thread?: string
  /** Link that clients show as a file (XEP-0066). */
  readonly link?: string
  /** When it was said and by whom, of what comes late (XEP-0203), ms since 1970. */
  readonly delay?: { readonly from: string; readonly at: number }
  readonly receipt?: boolean
  readonly markable?: boolean
  /** Further elements, written. */
  readonly more?: string
}

/** Id of the stanza for a message: the same in every attempt, and not to be guessed from anything that is seen outside. */
export const stanzaId = (messageId: MessageId): string => hash('sha256', messageId, 'base64url').slice(0, 24)

/** The name under which a report finds its message: only what comes from the recipient counts. */
export const reportKey = (recipient: string, id: string): string => `${recipient}|${id}`

export function writeMessage(message: MessageStanza): string {
  const { id, from, to, type, body, subject, thread, link, delay } = message
  return tag(
    'message',
    { type, from, to, id },
    subject === undefined ? '' : textTag('subject', subject),
    thread === undefined ? '' : textTag('thread', thread),
    body === undefined ? '' : textTag('body', body),
    link === undefined ? '' : tag('x', { xmlns: NS.oob }, textTag('url', link)),
    delay === undefined
      ? ''
      : tag('delay', { xmlns: NS.delay, from: delay.from, stamp: new Date(delay.at).toISOString() }),
    message.receipt ? tag('request', { xmlns: NS.receipts }) : '',
    message.markable ? tag('markable', { xmlns: NS.markers }) : '',
    body === undefined ? '' : tag('origin-id', { xmlns: NS.originId, id }),
    message.more ?? '',
  )
}
