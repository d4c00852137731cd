import type { SessionTexts } from '../../../config/session-texts.js'
import type { Content } from '../../../cpm/message.js'
import { partOctets } from '../../../cpm/mime.js'
import { leavesOf, parseMimeTree } from '../../../cpm/multipart.js'

/** What an answer means. Pure. */
export type Meaning = 'yes' | 'no' | 'leave' | 'help'

const KINDS = ['leave', 'yes', 'no', 'help'] as const
const MAX_CHARS = 200

/**
 * What a text says, if all of it, or its first line, is one of the words: in the languages given, the first one first. A
 * single letter means something in the first one only. Undefined: something else.
 */
export function understand(text: string, languages: readonly SessionTexts[]): Meaning | undefined {
  const [first = ''] = text.trimStart().split(/\r?\n/, 1)
  if (first.length > MAX_CHARS) return undefined
  const said = [spelling(text.slice(0, MAX_CHARS + 1)), spelling(first)]
  for (const [index, texts] of languages.entries()) {
    for (const kind of KINDS) {
      const words = texts[kind].map(spelling).filter((word) => index === 0 || word.length > 1)
      if (said.some((one) => one !== '' && words.includes(one))) return kind
    }
  }
  return undefined
}

/** The same for all that sounds alike: no case, no colour of thumbs, nothing around the words. */
function spelling(text: string): string {
  const plain = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\p{Emoji_Modifier}|\p{Variation_Selector}|\p{Cf}/gu, '')
    .replace(/[’´`]/g, "'")
    .replace(/[\s,.;:!…]+/g, ' ')
    .trim()
  const bare = plain.replace(/^[\p{P}\p{S}\p{Z}]+|[\p{P}\p{S}\p{Z}]+$/gu, '')
  return bare === '' ? plain : bare
}

/** The text of a message, the first plain part of a multipart; empty when it has none. */
export function textOf(content: Content): string {
  if ('text' in content && /^text\/plain\b/i.test(content.type)) return content.text
  if (!/^\s*multipart\//i.test(content.type)) return ''
  const body = 'text' in content ? content.text : Buffer.from(content.base64, 'base64').toString('utf8')
  const tree = parseMimeTree({ headers: new Map([['content-type', content.type]]), body })
  if (tree.kind === 'fault') return ''
  const plain = leavesOf(tree).find(({ type }) => type === 'text/plain')
  return (plain && partOctets(plain.part)?.toString('utf8')) ?? ''
}
