import { z } from 'zod'

const MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
const BYTES = { B: 1, kB: 1000, KiB: 1024, MB: 1_000_000, MiB: 1_048_576 } as const

export type UnitName = 'duration' | 'size'
const UNITS: Readonly<Record<UnitName, Readonly<Record<string, number>>>> = { duration: MS, size: BYTES }

function unit(name: UnitName, what: string) {
  const units = UNITS[name]
  const pattern = new RegExp(`^(\\d+(?:\\.\\d+)?)(${Object.keys(units).join('|')})$`)
  return z
    .string(`expected ${what}`)
    .regex(pattern, `expected ${what}, a number and one of ${Object.keys(units).join(', ')} without a space`)
    .transform((text) => {
      const match = pattern.exec(text)
      return Math.round(Number(match?.[1]) * (units[match?.[2] ?? ''] ?? Number.NaN))
    })
    .meta({ unit: name })
}

/** A duration such as `500ms`, `30s`, `7d`; milliseconds after parsing. */
export const duration = () => unit('duration', 'a duration such as 30s')

/** A size such as `64KiB`; octets after parsing. */
export const size = () => unit('size', 'a size such as 64KiB')

/** The text that `duration()` or `size()` reads as this value, in the largest unit that divides it. */
export function inUnits(name: UnitName, value: number): string {
  const [symbol, factor] = Object.entries(UNITS[name])
    .reverse()
    .find(([, worth]) => value % worth === 0 && value >= worth) ?? [Object.keys(UNITS[name])[0] ?? '', 1]
  return `${value / factor}${symbol}`
}
