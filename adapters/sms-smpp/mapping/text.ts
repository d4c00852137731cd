import type { CpmMessage } from '../../../gateway/cpm/message.js'
import { parseMediaType, partOctets } from '../../../gateway/cpm/mime.js'
import { leavesOf, parseMimeTree } from '../../../gateway/cpm/multipart.js'
import type { SmsOptions } from '../profile.js'

export type TextRules = Pick<SmsOptions, 'unsupportedContent' | 'subject'>

const URL_IN_TEXT = /https?:\/\/[^\s"'<>]{1,2000}/

/** The text an SMS carries for this message, or undefined when its content cannot go by SMS (IWF-MSG-01). */
export function smsText(message: Pick<CpmMessage, 'content' | 'subject'>, rules: TextRules): string | undefined {
  const text = bodyText(message.content, rules.unsupportedContent)
  if (text === undefined) return undefined
  return rules.subject === 'first-line' && message.subject ? `${message.subject}\n${text}` : text
}

function bodyText(content: CpmMessage['content'], fallback: TextRules['unsupportedContent']): string | undefined {
  const media = parseMediaType(content.type)
  if (!media) return undefined
  const octets = 'base64' in content ? Buffer.from(content.base64, 'base64') : undefined
  if (media.type === 'text/plain') {
    return 'text' in content ? content.text : decode(octets, media.params.get('charset'))
  }
  const whole = 'text' in content ? content.text : (octets?.toString('utf8') ?? '')
  if (fallback === 'text-part' && media.type.startsWith('multipart/')) return textPart(content.type, whole)
  if (fallback === 'link') return URL_IN_TEXT.exec(whole)?.[0].replaceAll('&amp;', '&')
  return undefined
}

/** The first text/plain part of a multipart. */
function textPart(type: string, body: string): string | undefined {
  const tree = parseMimeTree({ headers: new Map([['content-type', type]]), body })
  if (tree.kind === 'fault') return undefined
  const leaf = leavesOf(tree).find((candidate) => candidate.type === 'text/plain')
  if (!leaf) return undefined
  const charset = parseMediaType(leaf.part.headers.get('content-type') ?? 'text/plain')?.params.get('charset')
  return decode(partOctets(leaf.part), charset)
}

function decode(octets: Buffer | undefined, charset = 'utf-8'): string | undefined {
  if (!octets) return undefined
  try {
    return new TextDecoder(charset, { fatal: true }).decode(octets)
  } catch {
    // A charset the platform does not know, or octets that are not in it.
    return undefined
  }
}
