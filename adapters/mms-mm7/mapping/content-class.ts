import { mediaTypeOf, type Part } from '../wire/index.js'
import type { Fields } from '../wire/operations.js'

type ContentClass = NonNullable<Fields<'SubmitReq'>['contentClass']>

const BASIC = 30_720
const RICH = 102_400
const VIDEO = 307_200
const MEGAPIXEL = 614_400

/** The class that phones go by (TS 23.140 §7.1.20); undefined where none of them fits. */
export function contentClassOf(parts: readonly Part[]): ContentClass | undefined {
  const size = parts.reduce((sum, { octets }) => sum + octets.length, 0)
  const types = parts.map(mediaTypeOf)
  if (types.every((type) => type === 'text/plain')) return size <= BASIC ? 'text' : undefined
  if (types.some((type) => !/^(?:text\/plain$|image\/|audio\/|video\/)/.test(type))) {
    return size <= RICH ? 'content-basic' : size <= VIDEO ? 'content-rich' : undefined
  }
  if (types.some((type) => type.startsWith('video/'))) {
    return size <= RICH ? 'video-basic' : size <= VIDEO ? 'video-rich' : undefined
  }
  if (size <= BASIC) return 'image-basic'
  if (size <= RICH) return 'image-rich'
  return size <= MEGAPIXEL ? 'megapixel' : undefined
}
