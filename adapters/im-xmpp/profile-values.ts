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

/** A domain of XMPP, such as `example.org`; in lower case after parsing. */
export const domain = () =>
  z
    .string()
    .max(253)
    .regex(/^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?$/i, 'expected a domain such as example.org')
    .transform((text) => text.toLowerCase())
