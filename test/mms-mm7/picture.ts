import sharp from 'sharp'

/** A picture of many colours that does not compress well: 400 by 300, PNG. */
export const PICTURE: Buffer = await sharp(
  Buffer.from(Array.from({ length: 400 * 300 * 3 }, (_, index) => (index * 7919 + ((index * index) >> 5)) & 0xff)),
  { raw: { width: 400, height: 300, channels: 3 } },
)
  .png()
  .toBuffer()
