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

export const port = () => z.int().min(0).max(65_535)
export const octet = () => z.int().min(0).max(255)

/** Compiled after parsing. */
export const regularExpression = z
  .string()
  .max(200)
  .transform((text, context) => {
    try {
      return new RegExp(text)
    } catch {
      context.addIssue({ code: 'custom', message: 'expected a regular expression', input: text })
      return z.NEVER
    }
  })

/** An IANA name. */
export const timeZone = z.string().refine((name) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}, 'expected a time zone such as Europe/Paris')

/** What fits a C-octet string that everybody reads alike. */
export const ascii = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[\x20-\x7e]*$/, 'expected ASCII characters')
