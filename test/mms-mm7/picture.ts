import sharp from 'sharp'

let seed = 1
/** The same noise every time. */
const noise = () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed >>> 24
}

/** A picture that does not compress: 320 by 240, PNG, some 230 kB. */
export const PICTURE: Buffer = await sharp(Buffer.from(Array.from({ length: 320 * 240 * 3 }, noise)), {
  raw: { width: 320, height: 240, channels: 3 },
})
  .png()
  .toBuffer()
