import type { Participant, SessionInvitation } from '../../../../adapters/contract/index.js'
import type { SessionInterworkingConfig } from '../../../config/session-interworking.js'
import { BUILT_IN_TEXTS, type SessionTexts } from '../../../config/session-texts.js'
import { parseUri } from '../../../cpm/address.js'
import type { Uri } from '../../../cpm/ids.js'

/** What a user of a service without sessions is told, in his language. Pure. */

export type TextName = Exclude<keyof SessionTexts, 'yes' | 'no' | 'leave' | 'help'>
/** What stands for the placeholders. */
export type TextValues = Readonly<Record<string, string>>

/** The language for an address: by the longest beginning of his number, or the general one. */
export function languageOf(
  { language, languages }: Pick<SessionInterworkingConfig, 'language' | 'languages'>,
  address: Uri,
): string {
  const number = address.startsWith('tel:') ? address.slice('tel:'.length) : ''
  const [best] = Object.keys(languages)
    .filter((prefix) => number.startsWith(prefix))
    .sort((one, other) => other.length - one.length)
  return (best === undefined ? undefined : languages[best]) ?? language
}

/** The texts of a language: configured before built in, English where neither says anything. */
export function textsOf({ texts }: Pick<SessionInterworkingConfig, 'texts'>, language: string): SessionTexts {
  const stated = Object.entries(texts[language] ?? {}).filter(([, value]) => value !== undefined)
  return { ...(BUILT_IN_TEXTS.en as SessionTexts), ...BUILT_IN_TEXTS[language], ...Object.fromEntries(stated) }
}

/** Whose words he may use, his own language first. */
export function languagesFor(
  config: Pick<SessionInterworkingConfig, 'texts'>,
  language: string,
): readonly SessionTexts[] {
  const all = new Set([language, ...Object.keys(config.texts), ...Object.keys(BUILT_IN_TEXTS)])
  return [...all].map((one) => textsOf(config, one))
}

/** A template with its placeholders filled in; the first of the words stands for each kind. */
export function fill(texts: SessionTexts, name: TextName, values: TextValues = {}): string {
  const { yes, no, leave } = texts
  const known: TextValues = { yes: yes[0] ?? '', no: no[0] ?? '', leave: leave[0] ?? '', ...values }
  return texts[name].replace(/\{(\w+)\}/g, (placeholder, key: string) => known[key] ?? placeholder)
}

/** Names in a list of members at most; the rest are counted. */
const MEMBERS_NAMED = 6
const MAX_NAME = 60
const MAX_SUBJECT = 120

/** What the invitation says of the session. */
export function invitationValues(
  texts: SessionTexts,
  { from, fromName, subject, group }: Pick<SessionInvitation, 'from' | 'fromName' | 'subject' | 'group'>,
  invited: Uri,
): TextValues {
  const others = (group?.participants ?? []).filter(({ address }) => address !== invited && address !== from)
  const named = others.slice(0, MEMBERS_NAMED).map(nameOf)
  if (others.length > named.length) named.push(`+${others.length - named.length}`)
  return {
    inviter: nameOf({ address: from, ...(fromName === undefined ? {} : { name: fromName }) }),
    group: group?.name ?? '',
    about: subject === undefined ? '' : fill(texts, 'about', { subject: line(subject, MAX_SUBJECT) }),
    with: named.length === 0 ? '' : fill(texts, 'with', { members: named.join(', ') }),
  }
}

/** How a participant is called in a text: his name, his number, or the user part of his address. */
export function nameOf({ address, name }: Participant): string {
  const called = name === undefined ? '' : line(name, MAX_NAME)
  if (called !== '') return called
  return address.startsWith('tel:') ? address.slice('tel:'.length) : parseUri(address)?.user || address
}

/** One line without control characters: what others say of themselves must not look like a text of ours. */
const line = (text: string, most: number): string =>
  text
    .replace(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, most)
