import { e164Of, parseUri } from '../../gateway/cpm/address.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import { escapeXml, type XmlElement } from '../../gateway/cpm/xml.js'
import { attribute, tag, textTag } from './stream/element.js'
import { NS } from './stream/names.js'

/** What is asked of us by `iq`, answered from what is known here: discovery (XEP-0030), ping, version, business card. */

/** Who is asked. */
export type Asked =
  | { readonly kind: 'gateway' }
  | { readonly kind: 'user'; readonly uri: Uri; readonly icon?: string }
  | { readonly kind: 'room'; readonly name: string }

const COMMON = [NS.discoInfo, NS.discoItems, NS.ping]
const FEATURES = {
  gateway: [...COMMON, NS.version, NS.muc],
  user: [...COMMON, NS.receipts, NS.markers, NS.chatStates, NS.reply, NS.oob, NS.vcard],
  room: [...COMMON, NS.muc, 'muc_open', 'muc_membersonly', 'muc_semianonymous', 'muc_unmoderated', 'muc_persistent'],
} as const

const IDENTITY = {
  gateway: ['gateway', 'cpm'],
  user: ['account', 'registered'],
  room: ['conference', 'text'],
} as const

/** The payload of the result; undefined when such a question is not answered. */
export function answerQuery(query: XmlElement, asked: Asked): string | undefined {
  switch (query.uri) {
    case NS.ping:
      return ''
    case NS.discoInfo: {
      if (attribute(query, 'node') !== undefined) return undefined
      const [category, type] = IDENTITY[asked.kind]
      const name = asked.kind === 'gateway' ? 'Causeway' : asked.kind === 'room' ? asked.name : undefined
      const features = FEATURES[asked.kind].map((feature) => tag('feature', { var: feature }))
      return tag('query', { xmlns: NS.discoInfo }, tag('identity', { category, type, name }), ...features)
    }
    case NS.discoItems:
      return tag('query', { xmlns: NS.discoItems, node: attribute(query, 'node') })
    case NS.version:
      return asked.kind === 'gateway'
        ? tag('query', { xmlns: NS.version }, textTag('name', 'Causeway'), textTag('version', '-'))
        : undefined
    case NS.vcard:
      return asked.kind === 'user' ? vcard(asked) : undefined
    default:
      return undefined
  }
}

/** XEP-0054: a number, or the name before the domain, and the picture he shows. */
function vcard({ uri, icon }: Extract<Asked, { kind: 'user' }>): string {
  const number = e164Of(uri)
  const name = number ?? parseUri(uri)?.user ?? uri
  const phone = number === undefined ? '' : tag('TEL', {}, tag('VOICE', {}), tag('NUMBER', {}, escapeXml(number)))
  const photo = icon === undefined ? '' : tag('PHOTO', {}, textTag('EXTVAL', icon))
  return tag('vCard', { xmlns: NS.vcard }, tag('FN', {}, escapeXml(name)), phone, tag('URL', {}, escapeXml(uri)), photo)
}
