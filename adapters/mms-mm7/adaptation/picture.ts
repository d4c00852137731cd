import type { Metadata, Sharp } from 'sharp'
import { library, type OpenPicture } from './library.js'

/** Formats a picture may come in. */
const FORMATS = new Map([
  ['jpeg', 'image/jpeg'],
  ['png', 'image/png'],
  ['gif', 'image/gif'],
  ['webp', 'image/webp'],
  ['heif', 'image/avif'],
])

/** Pixels of all frames together: 12 thousand by 4 thousand. A small file that unfolds to more is refused before it does. */
const MAX_PIXELS = 48_000_000
const MAX_FRAMES = 300
/** Time of one step, seconds; most take a tenth. */
const STEP_SECONDS = 5

/** Whether a part of this media type must be a picture that we can read. */
export const isReadable = (type: string): boolean => [...FORMATS.values()].includes(type) || type === 'image/jpg'

/** What is known of a picture without unfolding it. */
export interface Picture {
  readonly octets: Uint8Array
  /** By its octets, whatever its part says: `image/jpeg` … */
  readonly type: string
  /** As it is to be seen, turned by its EXIF orientation. */
  readonly width: number
  readonly height: number
  readonly frames: number
  readonly alpha: boolean
  /** It tells more than the picture: camera, place, orientation, thumbnail. */
  readonly tells: boolean
}

export interface Box {
  readonly width: number
  readonly height: number
}

/** Octets and what they are. */
export interface Encoded {
  readonly type: string
  readonly octets: Uint8Array
}

export type Encoding = 'jpeg' | 'png' | 'gif'

/**
 * Reads the head of a picture; undefined when it is none we know, or unfolds to more than MAX_PIXELS. Rejects only when the
 * library cannot be loaded.
 */
export async function lookAt(octets: Uint8Array): Promise<Picture | undefined> {
  const read = await library()
  const found = await headOf(read, octets).catch(() => undefined)
  const type = FORMATS.get(found?.format ?? '')
  if (found === undefined || type === undefined) return undefined
  const { width, height } = found.autoOrient
  const frames = found.pages ?? 1
  return {
    octets,
    type,
    width,
    height,
    // Of too long an animation, or one too large, the first frame stays.
    frames: frames > MAX_FRAMES || width * height * frames > MAX_PIXELS ? 1 : frames,
    alpha: found.hasAlpha,
    tells: [found.exif, found.xmp, found.iptc].some((block) => block !== undefined),
  }
}

// Async, so that what the library throws at once (no octets at all) is a rejection too.
const headOf = async (read: OpenPicture, octets: Uint8Array): Promise<Metadata> => open(read, octets, 1).metadata()

/** The picture turned upright and fitted into a box, as pixels: what each further step begins from. Rejects when it is broken. */
export async function pixelsOf(picture: Picture, box: Box): Promise<Pixels> {
  const { data, info } = await open(await library(), picture.octets, 1)
    .autoOrient()
    .resize({ ...box, fit: 'inside', withoutEnlargement: true })
    .toColourspace('srgb')
    .timeout({ seconds: STEP_SECONDS })
    .raw()
    .toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height, channels: info.channels }
}

export interface Pixels extends Box {
  readonly data: Buffer
  readonly channels: 1 | 2 | 3 | 4
}

/** Writes pixels at a scale (1: as they are) and a quality (1–100). Nothing but the picture is written. */
export async function encode(pixels: Pixels, to: Encoding, scale: number, quality: number): Promise<Encoded> {
  const { data, width, height, channels } = pixels
  const read = await library()
  const scaled = read(data, { raw: { width, height, channels } }).resize(Math.max(1, Math.round(width * scale)))
  return { type: `image/${to}`, octets: await finish(scaled, to, quality) }
}

/** Writes a moving picture as GIF with all its frames, in a box, with so many colours (2–256). */
export async function encodeMoving(picture: Picture, box: Box, colours: number): Promise<Encoded> {
  const octets = await open(await library(), picture.octets, picture.frames)
    .resize({ ...box, fit: 'inside', withoutEnlargement: true })
    .gif({ colours, effort: 4 })
    .timeout({ seconds: STEP_SECONDS })
    .toBuffer()
  return { type: 'image/gif', octets }
}

function open(read: OpenPicture, octets: Uint8Array, pages: number): Sharp {
  return read(octets, { pages, limitInputPixels: MAX_PIXELS, failOn: 'error' })
}

function finish(image: Sharp, to: Encoding, quality: number): Promise<Buffer> {
  const timed = image.timeout({ seconds: STEP_SECONDS })
  if (to === 'jpeg') return timed.flatten({ background: '#ffffff' }).jpeg({ quality, progressive: false }).toBuffer()
  if (to === 'gif') return timed.gif({ colours: Math.max(2, Math.round((quality * 256) / 100)) }).toBuffer()
  return timed.png(quality < 100 ? { palette: true, quality } : {}).toBuffer()
}
