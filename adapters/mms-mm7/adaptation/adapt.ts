import type { FailureReason } from '../../../gateway/cpm/failure.js'
import { mediaTypeOf, type Part } from '../wire/part.js'
import { isReadable, lookAt, type Picture } from './picture.js'
import { shares } from './share.js'
import { isWithin, type Shrunk, shrink } from './shrink.js'
import { createTurns } from './turns.js'

/** What a service carries. */
export interface MediaLimits {
  /** Octets of all parts together. */
  readonly maxBytes: number
  readonly maxWidth: number
  readonly maxHeight: number
  /** Media types, e.g. `image/jpeg` or `video/*`. */
  readonly types: readonly string[]
}

/** What became of a part that does not go as it came; `part` is its place among those given, from 0. */
export type Change =
  | { readonly kind: 'converted'; readonly part: number; readonly said: string }
  | { readonly kind: 'left-out'; readonly part: number; readonly reason: FailureReason; readonly said: string }

export interface Adaptation {
  /** What is carried, in the order given. */
  readonly parts: readonly Part[]
  readonly changes: readonly Change[]
}

/** What is kept for each picture when other media are weighed, octets. */
const PICTURE_AT_LEAST = 15_000
/** Pictures under way at once, over all messages: each holds its pixels. */
const AT_ONCE = 2

const turn = createTurns(AT_ONCE)

/**
 * Fits the parts of a message to a service. Pictures are turned upright, scaled and written anew until all fit, and lose
 * what they tell beside the picture; one that is within the limits goes octet for octet. Text is never touched. Other
 * media go as they are or not at all: the largest is left out first. Rejects only when the library for pictures
 * cannot be loaded.
 */
export async function adapt(parts: readonly Part[], limits: MediaLimits): Promise<Adaptation> {
  const pictures = await Promise.all(
    parts.map((part) => (isPicture(part) ? turn(() => lookAt(part.octets)) : undefined)),
  )
  const fates: Fate[] = parts.map((part, index) => firstFate(part, pictures[index], limits))
  leaveOutLargest(parts, fates, limits)
  await shrinkPictures(parts, fates, limits)
  return {
    parts: fates.flatMap((fate, index) => carried(fate, parts[index])),
    changes: fates.flatMap((fate, index) => changeOf(fate, index, parts[index])),
  }
}

type Fate =
  | { readonly kind: 'as-it-is' }
  | { readonly kind: 'picture'; readonly picture: Picture }
  | { readonly kind: 'written-anew'; readonly picture: Picture; readonly shrunk: Shrunk }
  | { readonly kind: 'left-out'; readonly reason: FailureReason; readonly said: string }

const isPicture = (part: Part): boolean => mediaTypeOf(part).startsWith('image/')
const isText = (part: Part): boolean => /^(?:text\/plain|application\/smil(?:\+xml)?)$/.test(mediaTypeOf(part))

/** Whether a media type is among those carried; `*` stands for any subtype. */
export function carries(types: readonly string[], type: string): boolean {
  const wanted = mediaTypeOf({ type })
  return types.some((each) => {
    const known = each.toLowerCase()
    return known === wanted || (known.endsWith('/*') && wanted.startsWith(known.slice(0, -1)))
  })
}

function firstFate(part: Part, picture: Picture | undefined, limits: MediaLimits): Fate {
  if (picture !== undefined) return { kind: 'picture', picture }
  if (isReadable(mediaTypeOf(part))) return leftOut('content-unsupported', 'broken picture, or of too many pixels')
  if (isText(part) || carries(limits.types, part.type)) return { kind: 'as-it-is' }
  return leftOut('content-unsupported', 'type not carried')
}

const leftOut = (reason: FailureReason, said: string): Fate => ({ kind: 'left-out', reason, said })

const lengthOf = (part: Part | undefined): number => part?.octets.length ?? 0

/** Octets a part takes at least. */
function least(fate: Fate | undefined, part: Part | undefined): number {
  if (fate?.kind === 'as-it-is') return lengthOf(part)
  return fate?.kind === 'picture' ? Math.min(lengthOf(part), PICTURE_AT_LEAST) : 0
}

/** Leaves out media that cannot be made smaller, the largest first, until the rest can fit. */
function leaveOutLargest(parts: readonly Part[], fates: Fate[], limits: MediaLimits): void {
  const total = (): number => parts.reduce((sum, part, index) => sum + least(fates[index], part), 0)
  const fixed = parts
    .map((part, index) => ({ part, index }))
    .filter(({ part, index }) => fates[index]?.kind === 'as-it-is' && !isText(part))
    .sort((a, b) => b.part.octets.length - a.part.octets.length)
  for (const { index } of fixed) {
    if (total() <= limits.maxBytes) return
    fates[index] = leftOut('too-large', 'no room in the message')
  }
}

/** Brings the pictures into what the rest leaves, each into a fair share of it. */
async function shrinkPictures(parts: readonly Part[], fates: Fate[], limits: MediaLimits): Promise<void> {
  const taken = parts.reduce(
    (sum, part, index) => sum + (fates[index]?.kind === 'as-it-is' ? part.octets.length : 0),
    0,
  )
  const all = fates.flatMap((fate, index) => (fate.kind === 'picture' ? [{ picture: fate.picture, index }] : []))
  const room = shares(
    all.map(({ picture }) => picture.octets.length),
    limits.maxBytes - taken,
  )
  const box = { width: limits.maxWidth, height: limits.maxHeight }
  const settle = async ({ picture, index }: (typeof all)[number], rank: number): Promise<void> => {
    const own = { maxBytes: room[rank] ?? 0, box, carries: (type: string) => carries(limits.types, type) }
    fates[index] = isWithin(picture, own)
      ? untouched(picture, parts[index])
      : await turn(() => writtenAnew(picture, own))
  }
  await Promise.all(all.map(settle))
}

/** The octets stay; a part that calls them otherwise than they are is put right. */
function untouched(picture: Picture, part: Part | undefined): Fate {
  if (part !== undefined && mediaTypeOf(part) === picture.type) return { kind: 'as-it-is' }
  return { kind: 'written-anew', picture, shrunk: { type: picture.type, octets: picture.octets, still: false } }
}

async function writtenAnew(picture: Picture, limits: Parameters<typeof shrink>[1]): Promise<Fate> {
  try {
    const shrunk = await shrink(picture, limits)
    if (shrunk !== undefined) return { kind: 'written-anew', picture, shrunk }
    return leftOut('too-large', 'no room for the picture in the message')
  } catch (error) {
    // The library's words are about the octets; they may not be ours to show.
    return leftOut(
      'content-unsupported',
      error instanceof Error && /timeout/i.test(error.message) ? 'takes too long' : 'broken picture',
    )
  }
}

function carried(fate: Fate, part: Part | undefined): readonly Part[] {
  if (part === undefined || fate.kind === 'left-out' || fate.kind === 'picture') return []
  if (fate.kind === 'as-it-is') return [part]
  const { type, octets } = fate.shrunk
  const { name, location, ...rest } = part
  const renames = {
    ...(name !== undefined && { name: renamed(name, type) }),
    ...(location !== undefined && { location: renamed(location, type) }),
  }
  return [{ ...rest, ...renames, type, octets }]
}

const ENDINGS: Readonly<Record<string, string>> = { 'image/jpeg': 'jpg', 'image/png': 'png', 'image/gif': 'gif' }

/** The name with the ending of its new type: handsets go by it. */
function renamed(name: string, type: string): string {
  const ending = ENDINGS[type] ?? ''
  const stem = name.replace(/\.[^.]*$/, '')
  return /\.jpe?g$/i.test(name) && ending === 'jpg' ? name : `${stem}.${ending}`
}

function changeOf(fate: Fate, part: number, given: Part | undefined): readonly Change[] {
  if (fate.kind === 'left-out') return [{ kind: 'left-out', part, reason: fate.reason, said: fate.said }]
  if (fate.kind !== 'written-anew') return []
  const { shrunk, picture } = fate
  const still = shrunk.still ? ', no longer moving' : ''
  const said = `${picture.type} of ${lengthOf(given)} octets as ${shrunk.type} of ${shrunk.octets.length}${still}`
  return [{ kind: 'converted', part, said }]
}
