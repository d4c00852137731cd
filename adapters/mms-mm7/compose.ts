import type { FailureReason } from '../../gateway/cpm/failure.js'
import type { Content, CpmMessage } from '../../gateway/cpm/message.js'
import { adapt, type Change, carries } from './adaptation/index.js'
import { buildSmil } from './mapping/smil.js'
import { isText, textOf, textPart } from './mapping/text.js'
import { named, partsOf } from './mapping/to-parts.js'
import type { Account, MmsOptions } from './profile.js'
import { type MmsContent, mediaTypeOf, type Part } from './wire/index.js'

type ContentRules = Pick<MmsOptions, 'maxSize' | 'maxSource' | 'picture' | 'types' | 'leftOut'>

type Composed =
  | {
      readonly kind: 'content'
      readonly content: MmsContent
      /** What was done to parts, to be counted; `said` has it in words. */
      readonly changes: readonly Change['kind'][]
      readonly said: string
    }
  | { readonly kind: 'refused'; readonly reason: FailureReason; readonly said: string }

/** Keeps a part where its reader can fetch it, and tells where; undefined when it cannot be kept. */
export type KeepPart = (part: Part, index: number) => Promise<string | undefined>

/** What headers and presentation take beside the media, octets. */
const OVERHEAD = 2048
const PER_PART = 400
/** Limits when the MMSC has refused the content as it was: what old phones take. */
const SMALL = { maxSize: 102_400, width: 320, height: 240 }

const isPicture = (part: Part): boolean => mediaTypeOf(part).startsWith('image/')
const sizeOf = (parts: readonly Part[]): number => parts.reduce((sum, { octets }) => sum + octets.length, 0)
const room = (parts: readonly Part[], maxSize: number): number => maxSize - OVERHEAD - PER_PART * parts.length

/**
 * Whether MMS can carry this content at all, asked before it is accepted; undefined when it may. Pictures are taken to fit once they are
 * written anew.
 */
export function refusal(
  { content }: Pick<CpmMessage, 'content'>,
  rules: ContentRules,
  links = false,
): FailureReason | undefined {
  const parts = partsOf(content, rules.types)
  if (parts === undefined) return 'malformed'
  if (sizeOf(parts) > rules.maxSource) return 'too-large'
  const carried = parts.filter((part) => isPicture(part) || carries(rules.types, part.type) || isText(part))
  const somethingGoes = carried.length > 0 || (links && rules.leftOut === 'link')
  if (carried.length < parts.length && (rules.leftOut === 'refuse' || !somethingGoes)) return 'content-unsupported'
  const fixed = carried.filter((part) => !isPicture(part))
  if (sizeOf(fixed) <= room(parts, rules.maxSize)) return undefined
  const text = sizeOf(carried.filter(isText))
  return rules.leftOut === 'refuse' || text > room(parts, rules.maxSize) ? 'too-large' : undefined
}

/**
 * Makes what is sent of a CPM content: fitted to the service, what cannot go named in the text or the whole refused, with
 * the presentation the account wants. `smaller`: the MMSC has refused it as it was.
 */
export async function compose(
  content: Content,
  rules: ContentRules,
  account: Pick<Account, 'smil' | 'smilRefs'>,
  smaller: boolean,
  keep: KeepPart = async () => undefined,
): Promise<Composed> {
  const parts = partsOf(content, rules.types)
  if (parts === undefined) return { kind: 'refused', reason: 'malformed', said: 'the content cannot be read' }
  const adapted = await adapt(parts, {
    maxBytes: room(parts, smaller ? Math.min(SMALL.maxSize, rules.maxSize) : rules.maxSize),
    maxWidth: smaller ? Math.min(SMALL.width, rules.picture.width) : rules.picture.width,
    maxHeight: smaller ? Math.min(SMALL.height, rules.picture.height) : rules.picture.height,
    types: rules.types,
  })
  const left = adapted.changes.filter((change) => change.kind === 'left-out')
  const [worst] = left
  const said = adapted.changes.map((change) => saidOf(change, parts)).join('; ')
  const addresses = await Promise.all(left.map(({ part }) => linkTo(parts[part], part, rules, keep)))
  const anything = adapted.parts.length > 0 || addresses.some((address) => address !== undefined)
  if (worst !== undefined && (rules.leftOut === 'refuse' || !anything)) {
    return { kind: 'refused', reason: worst.reason, said }
  }
  const notes = left.map(({ part }, index) => {
    const [name, address] = [nameOf(parts[part]), addresses[index]]
    return address === undefined ? `[${name} was left out]` : `${name}: ${address}`
  })
  const final = named(withNotes(adapted.parts, notes))
  if (sizeOf(final) > room(final, rules.maxSize)) {
    return { kind: 'refused', reason: 'too-large', said: `more than ${rules.maxSize} octets` }
  }
  const bare = account.smil === 'never' || (account.smil === 'media' && final.length === 1 && final.every(isText))
  return {
    kind: 'content',
    content: { parts: final, ...(bare ? {} : { smil: buildSmil(final, account.smilRefs) }) },
    changes: adapted.changes.map(({ kind }) => kind),
    said,
  }
}

const linkTo = async (part: Part | undefined, index: number, { leftOut }: ContentRules, keep: KeepPart) =>
  part && leftOut === 'link' ? keep(part, index) : undefined

/** What a part is called before its reader: its own name, or its type. */
const nameOf = (part: Part | undefined): string =>
  (part && (part.name?.replace(/[^\w .()-]/g, '_').slice(0, 60) || mediaTypeOf(part))) || 'a part'

const saidOf = (change: Change, parts: readonly Part[]): string =>
  `${mediaTypeOf(parts[change.part] ?? { type: 'a part' })} ${change.kind}: ${change.said}`

/** The notes at the end of the last text, or as a text of their own. */
function withNotes(parts: readonly Part[], notes: readonly string[]): readonly Part[] {
  if (notes.length === 0) return parts
  const last = parts.findLastIndex(isText)
  const text = parts[last]
  if (text === undefined) return [...parts, textPart(notes.join('\n'))]
  return parts.map((part, index) =>
    index === last ? { ...text, ...textPart(`${textOf(text)}\n${notes.join('\n')}`) } : part,
  )
}
