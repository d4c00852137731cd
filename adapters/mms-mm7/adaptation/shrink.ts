import { type Box, type Encoded, type Encoding, encode, encodeMoving, type Picture, pixelsOf } from './picture.js'

/** What a picture may become. */
export interface PictureLimits {
  readonly maxBytes: number
  readonly box: Box
  /** Whether this media type is carried. */
  carries(type: string): boolean
}

/** A picture within its limits; `still` when it moved before. */
export interface Shrunk extends Encoded {
  readonly still: boolean
}

/** Sizes (of the box) and qualities, from the best; each about two thirds of the octets of the one before. */
const STEPS: readonly (readonly [scale: number, quality: number])[] = [
  [1, 85],
  [1, 70],
  [1, 50],
  [0.7, 65],
  [0.7, 45],
  [0.5, 60],
  [0.5, 40],
  [0.35, 50],
  [0.25, 50],
  [0.15, 40],
]
const MOVING_STEPS: readonly (readonly [scale: number, colours: number])[] = [
  [1, 256],
  [1, 64],
  [0.7, 64],
  [0.5, 64],
  [0.35, 32],
]

/** Whether a picture can go as it is. */
export function isWithin(picture: Picture, limits: PictureLimits): boolean {
  return (
    picture.octets.length <= limits.maxBytes &&
    picture.width <= limits.box.width &&
    picture.height <= limits.box.height &&
    !picture.tells &&
    limits.carries(picture.type)
  )
}

/** Time for all steps of a moving picture; afterwards its first frame has to do, ms. */
const MOVING_MS = 5_000

/**
 * Brings a picture within its limits, by as few of the steps as it takes: into the box, lower quality, smaller. A moving
 * one keeps moving if it can. Undefined when no step is enough; rejects when the picture is broken or takes too long.
 */
export async function shrink(picture: Picture, limits: PictureLimits): Promise<Shrunk | undefined> {
  const moves = picture.frames > 1
  const moving = moves && limits.carries('image/gif') ? await shrinkMoving(picture, limits) : undefined
  if (moving !== undefined) return moving
  const pixels = await pixelsOf(picture, limits.box)
  for (const [to, scale, quality] of attempts(picture, limits)) {
    const encoded = await encode(pixels, to, scale, quality)
    if (encoded.octets.length <= limits.maxBytes) return { ...encoded, still: moves }
  }
  return undefined
}

async function shrinkMoving(picture: Picture, { maxBytes, box }: PictureLimits): Promise<Shrunk | undefined> {
  const giveUpAt = performance.now() + MOVING_MS
  try {
    for (const [scale, colours] of MOVING_STEPS) {
      if (performance.now() > giveUpAt) return undefined
      const encoded = await encodeMoving(picture, scaled(boxOf(picture, box), scale), colours)
      if (encoded.octets.length <= maxBytes) return { ...encoded, still: false }
    }
  } catch {
    // A later frame is broken, or they take too long: the first one may do.
  }
  return undefined
}

/** What writing a PNG anew may gain; nothing that would have to become smaller still is tried exactly. */
const EXACT_GAIN = 1.5

/** Drawings and what is transparent stay exact if they fit; all else is JPEG where that is carried. */
function attempts(picture: Picture, limits: PictureLimits): readonly (readonly [Encoding, number, number])[] {
  const carried = (['jpeg', 'png', 'gif'] as const).filter((format) => limits.carries(`image/${format}`))
  const area = ratioOf(picture, limits.box) ** 2
  const hopeful = picture.octets.length * area <= EXACT_GAIN * limits.maxBytes
  const exact = hopeful && (picture.alpha || picture.type === 'image/png') && carried.includes('png')
  const [usual] = carried
  const ladder = usual === undefined ? [] : STEPS.map(([scale, quality]) => [usual, scale, quality] as const)
  return exact ? [['png', 1, 100], ...ladder] : ladder
}

const scaled = ({ width, height }: Box, scale: number): Box => ({
  width: Math.max(1, Math.round(width * scale)),
  height: Math.max(1, Math.round(height * scale)),
})

const ratioOf = ({ width, height }: Picture, box: Box): number => Math.min(1, box.width / width, box.height / height)

/** Steps count from the size the picture has in the box. */
const boxOf = (picture: Picture, box: Box): Box => scaled(picture, ratioOf(picture, box))
