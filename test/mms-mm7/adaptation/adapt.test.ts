import fc from 'fast-check'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { type Adaptation, adapt, type MediaLimits } from '../../../adapters/mms-mm7/adaptation/index.js'
import type { Part } from '../../../adapters/mms-mm7/wire/part.js'
import { bombPng, jpeg, moving, plain, raw } from './pictures.js'

const LIMITS: MediaLimits = {
  maxBytes: 100_000,
  maxWidth: 640,
  maxHeight: 480,
  types: ['image/jpeg', 'image/png', 'image/gif', 'audio/amr', 'video/3gpp', 'text/x-vcard'],
}
const photo = async (width: number, height: number): Promise<Part> => ({
  type: 'image/jpeg; name="photo.jpg"',
  name: 'photo.jpg',
  octets: await jpeg(width, height),
})
const text: Part = { type: 'text/plain; charset=utf-8', octets: Buffer.from('Grüße') }
const size = (parts: readonly Part[]): number => parts.reduce((sum, { octets }) => sum + octets.length, 0)
const only = ({ parts }: Adaptation): Part => {
  const [part] = parts
  if (part === undefined || parts.length > 1) throw new Error(`${parts.length} parts`)
  return part
}
const seen = (part: Part) => sharp(part.octets, { animated: true }).metadata()

describe('pictures', () => {
  it('IWF-MSG-01 what is within the limits goes octet for octet', async () => {
    const parts = [text, await photo(320, 240)]
    const result = await adapt(parts, LIMITS)
    expect(result.changes).toEqual([])
    expect(result.parts).toEqual(parts)
  })

  it('IWF-MSG-01 a large photo is scaled into the box, its shape kept, and fits', async () => {
    const large = await photo(1600, 900)
    expect(large.octets.length).toBeGreaterThan(LIMITS.maxBytes)
    const result = await adapt([text, large], LIMITS)
    expect(size(result.parts)).toBeLessThanOrEqual(LIMITS.maxBytes)
    expect(result.parts[0]).toBe(text)
    const { format, width = 0, height = 1 } = await seen(result.parts[1] ?? text)
    expect(format).toBe('jpeg')
    expect(width).toBeLessThanOrEqual(640)
    expect(width / height).toBeCloseTo(16 / 9, 1)
    expect(result.changes).toMatchObject([{ kind: 'converted', part: 1 }])
  })

  it('quality goes down before size does', async () => {
    const given = await photo(640, 480)
    const little = await adapt([given], { ...LIMITS, maxBytes: given.octets.length - 1 })
    expect((await seen(only(little))).width).toBe(640)
    const much = await adapt([given], { ...LIMITS, maxBytes: 20_000 })
    expect((await seen(only(much))).width).toBeLessThan(640)
  })

  it('a picture is turned as its EXIF says, and what it tells beside the picture is gone', async () => {
    const octets = await raw(200, 100)
      .jpeg()
      .withExif({ IFD0: { Model: 'Camera' }, IFD3: { GPSLatitude: '51/1 30/1 0/1' } })
      .withMetadata({ orientation: 6 })
      .toBuffer()
    const part = only(await adapt([{ type: 'image/jpeg', octets }], LIMITS))
    const { width, height, exif, orientation } = await seen(part)
    expect([width, height]).toEqual([100, 200])
    expect(exif).toBeUndefined()
    expect(orientation).toBeUndefined()
  })

  it('what is transparent stays so where it fits, and gets a white ground where it does not', async () => {
    const octets = await plain(300, 300, 0.5)
      .composite([{ input: await raw(200, 200).png().toBuffer() }])
      .png()
      .toBuffer()
    const part: Part = { type: 'image/png', name: 'logo.png', octets }
    const kept = only(await adapt([part], { ...LIMITS, maxWidth: 200 }))
    expect(kept).toMatchObject({ type: 'image/png', name: 'logo.png' })
    expect((await seen(kept)).hasAlpha).toBe(true)
    const tight = only(await adapt([part], { ...LIMITS, maxBytes: 20_000 }))
    expect(tight).toMatchObject({ type: 'image/jpeg', name: 'logo.jpg' })
  })

  it.for(['webp', 'avif'] as const)('a picture in a format not carried becomes one that is: %s', async (format) => {
    const octets = await raw(100, 80).toFormat(format).toBuffer()
    const part = only(await adapt([{ type: `image/${format}`, name: `a.b.${format}`, octets }], LIMITS))
    expect(part).toMatchObject({ type: 'image/jpeg', name: 'a.b.jpg' })
    expect(await seen(part)).toMatchObject({ format: 'jpeg', width: 100, height: 80 })
  })

  it.for(['image/jpg', 'image/gif'])('what a picture is, its octets say, not its part: %s', async (type) => {
    const octets = await jpeg(100, 80)
    const part = only(await adapt([{ type, name: 'photo', octets }], LIMITS))
    expect(part).toEqual({ type: 'image/jpeg', name: 'photo.jpg', octets })
  })

  it('a moving picture keeps moving, smaller; what cannot keeps its first frame', async () => {
    const octets = await moving(100, 80, 6)
    const part: Part = { type: 'image/gif', name: 'wave.gif', octets }
    const smaller = await adapt([part], { ...LIMITS, maxBytes: Math.floor(octets.length / 2) })
    expect(await seen(only(smaller))).toMatchObject({ format: 'gif', pages: 6 })
    const still = await adapt([part], { ...LIMITS, maxBytes: 3_000 })
    expect((await seen(only(still))).pages ?? 1).toBe(1)
    expect(still.changes[0]?.said).toContain('no longer moving')
    const jpegOnly = await adapt([part], { ...LIMITS, types: ['image/jpeg'] })
    expect(only(jpegOnly)).toMatchObject({ type: 'image/jpeg', name: 'wave.jpg' })
  })

  it('a moving picture whose later frames are broken keeps its first', async () => {
    const octets = await moving(100, 80, 6)
    octets.fill(0xff, Math.floor(octets.length * 0.6), Math.floor(octets.length * 0.65))
    const result = await adapt([{ type: 'image/gif', octets }], { ...LIMITS, maxBytes: octets.length - 1 })
    expect(await seen(only(result))).toMatchObject({ format: 'png', width: 100, height: 80 })
    expect(result.changes[0]?.said).toContain('no longer moving')
  })

  it('several pictures share the room fairly: a small one is not made worse by a large one', async () => {
    const small = await photo(100, 100)
    const result = await adapt([await photo(1200, 900), small, await photo(900, 900)], LIMITS)
    expect(result.parts).toHaveLength(3)
    expect(result.parts[1]).toBe(small)
    expect(size(result.parts)).toBeLessThanOrEqual(LIMITS.maxBytes)
  })

  it('a picture no step makes small enough is left out, with the reason', async () => {
    const result = await adapt([text, await photo(640, 480)], { ...LIMITS, maxBytes: 300 })
    expect(result.parts).toEqual([text])
    expect(result.changes).toMatchObject([{ kind: 'left-out', part: 1, reason: 'too-large' }])
  })
})

describe('hostile pictures', () => {
  const refused = { kind: 'left-out', part: 0, reason: 'content-unsupported' }

  it('a few octets that unfold to a hundred million pixels are refused before they do', async () => {
    const octets = bombPng(12_000)
    expect(octets.length).toBeLessThan(100_000)
    const before = process.memoryUsage().rss
    const result = await adapt([{ type: 'image/png', octets }], LIMITS)
    expect(result).toMatchObject({ parts: [], changes: [refused] })
    expect(process.memoryUsage().rss - before).toBeLessThan(50_000_000)
  })

  it('an animation of too many pixels in all keeps its first frame only', async () => {
    const frame = 2_000 * 2_000
    const frames = Array(13).fill(0)
    const octets = await sharp(Buffer.alloc(frame * 13 * 3), {
      raw: { width: 2_000, height: 2_000 * 13, channels: 3, pageHeight: 2_000 },
      limitInputPixels: false,
    })
      .gif({ delay: frames.map(() => 100), effort: 1, keepDuplicateFrames: true })
      .toBuffer()
    expect((await sharp(octets).metadata()).pages).toBe(13)
    const part = only(await adapt([{ type: 'image/gif', octets }], LIMITS))
    expect((await seen(part)).pages ?? 1).toBe(1)
  })

  it('a drawing with references is not looked at', async () => {
    const octets = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>',
    )
    const result = await adapt([{ type: 'image/jpeg', octets }], { ...LIMITS, types: ['image/*'] })
    expect(result).toMatchObject({ parts: [], changes: [refused] })
    // Not even its head, by nobody in this process.
    await expect(sharp(octets).metadata()).rejects.toThrow()
  })

  it('a picture cut off is refused when it must be written anew', async () => {
    const octets = (await jpeg(900, 900)).subarray(0, 5_000)
    const result = await adapt([{ type: 'image/jpeg', octets }], LIMITS)
    expect(result).toMatchObject({ parts: [], changes: [refused] })
  })

  it('octets of any kind end in a part that fits or a reason, never in an error', { timeout: 60_000 }, async () => {
    const seed = await raw(40, 30).jpeg().toBuffer()
    const broken = fc
      .tuple(fc.nat(seed.length - 1), fc.uint8Array({ minLength: 1, maxLength: 20 }))
      .map(([at, octets]) => Buffer.concat([seed.subarray(0, at), octets, seed.subarray(at + octets.length)]))
    const octets = fc.oneof(
      broken,
      fc.uint8Array({ maxLength: 200 }).map((list) => Buffer.from(list)),
    )
    const type = fc.constantFrom('image/jpeg', 'image/png', 'image/bmp', 'video/3gpp', 'text/plain', '', ';')
    const parts = fc.array(fc.record({ type, octets }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(parts, fc.integer({ min: 0, max: 2_000 }), async (list, maxBytes) => {
        const result = await adapt(list, { ...LIMITS, maxBytes, maxWidth: 20, maxHeight: 20 })
        const media = result.parts.filter((part) => part.type !== 'text/plain')
        if (media.length > 0) expect(size(result.parts)).toBeLessThanOrEqual(maxBytes)
        const leftOut = result.changes.filter(({ kind }) => kind === 'left-out')
        expect(result.parts.length + leftOut.length).toBe(list.length)
      }),
      { numRuns: 150 },
    )
  })
})

describe('sound, video and files', () => {
  const part = (type: string, length: number): Part => ({ type, octets: Buffer.alloc(length, 7) })

  it('what fits goes as it is; a type not carried is left out, with the reason', async () => {
    const [amr, pdf] = [part('audio/AMR', 5_000), part('application/pdf', 100)]
    const result = await adapt([amr, pdf], LIMITS)
    expect(result.parts).toEqual([amr])
    expect(result.changes).toMatchObject([{ kind: 'left-out', part: 1, reason: 'content-unsupported' }])
  })

  it('the largest is left out first, and pictures keep room', async () => {
    const parts = [await photo(800, 600), part('video/3gpp', 90_000), part('audio/amr', 20_000), text]
    const result = await adapt(parts, LIMITS)
    expect(result.parts.map(({ type }) => type.split(';')[0])).toEqual(['image/jpeg', 'audio/amr', 'text/plain'])
    expect(result.changes).toMatchObject([
      { kind: 'converted', part: 0 },
      { kind: 'left-out', part: 1, reason: 'too-large' },
    ])
    expect(size(result.parts)).toBeLessThanOrEqual(LIMITS.maxBytes)
  })

  it('text is never touched, even when it alone is too much: that is for the sender to be told', async () => {
    const long = part('text/plain', 200_000)
    expect(await adapt([long], LIMITS)).toEqual({ parts: [long], changes: [] })
  })
})
