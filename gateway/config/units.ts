import { z } from 'zod'

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = { B: 1, kB: 1000, KiB: 1024, MB: 1_000_000, MiB: 1_048_576 } as const

function unit<Units extends Record<string, number>>(units: Units, what: string) {
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)(${Object.keys(units).join('|')})$`)
  return z
    .string()
    .regex(pattern, `expected ${what}, a number and one of ${Object.keys(units).join(', ')} without a space`)
    .transform((text) => {
      const match = pattern.exec(text)
      return Math.round(Number(match?.[1]) * (units[match?.[2] ?? ''] ?? Number.NaN))
    })
}

/** A duration such as `500ms`, `30s`, `7d`; milliseconds after parsing. */
export const duration = () => unit(MS, 'a duration such as 30s')

/** A size such as `64KiB`; octets after parsing. */
export const size = () => unit(BYTES, 'a size such as 64KiB')
