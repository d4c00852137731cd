import { isIPv4, isIPv6 } from 'node:net'
import { z } from 'zod'

/** Kinds of values in the adapter's options. */

/** A schema with its sentence for the reference page. */
export const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A number and a unit, such as `500ms` or `5m`; milliseconds after parsing. */
export const duration = () =>
  z
    .string()
    .regex(/^\d+(ms|[smhd])$/, 'expected a duration such as 30s (ms, s, m, h, d)')
    .transform((text) => Number.parseInt(text, 10) * (UNITS_MS[text.replace(/^\d+/, '')] ?? 1))

/** http:// or https:// with a host; its path is the one requests go to. */
export const httpUrl = z
  .string()
  .max(2000)
  .refine((text) => {
    const url = URL.canParse(text) ? new URL(text) : undefined
    return url !== undefined && /^https?:$/.test(url.protocol) && url.username === ''
  }, 'expected a URL such as https://mmsc.example.net/mm7, without credentials')

/** An address or a network, such as 10.1.2.0/24. */
export const network = z.string().refine((text) => {
  const [address = '', bits = '0', ...more] = text.split('/')
  const most = isIPv4(address) ? 32 : isIPv6(address) ? 128 : -1
  return more.length === 0 && /^\d{1,3}$/.test(bits) && Number(bits) <= most
}, 'expected an IP address or a network such as 10.1.2.0/24')

/** host:port to listen on; port 0 takes a free one. */
export const listenAddress = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'expected host:port')

/** A media type, `*` for any subtype. */
export const mediaType = z.string().regex(/^[\w.+-]+\/([\w.+-]+|\*)$/, 'expected a media type such as image/jpeg')

/** Visible characters of the name of something. */
export const token = (max: number) =>
  z.string().regex(new RegExp(`^[\\x21-\\x7e]{1,${max}}$`), 'expected ASCII, no blanks')
