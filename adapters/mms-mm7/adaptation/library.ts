import type { Sharp, SharpOptions } from 'sharp'

export type OpenPicture = (octets: Uint8Array, options: SharpOptions) => Sharp

const LOADERS = ['Jpeg', 'Png', 'Nsgif', 'Webp', 'Heif'].map((format) => `VipsForeignLoad${format}`)

let loaded: Promise<OpenPicture> | undefined

/** The library for pictures, loaded with the first of them: who carries none does not wait for it at the start. */
export function library(): Promise<OpenPicture> {
  loaded ??= load()
  return loaded
}

async function load(): Promise<OpenPicture> {
  const { default: sharp } = await import('sharp')
  // Other formats, above all SVG with its references, are not even looked at.
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: LOADERS })
  // Pictures are worked on one beside the other, not each on all cores; nothing of one is kept for the next.
  sharp.concurrency(1)
  sharp.cache(false)
  return sharp
}
