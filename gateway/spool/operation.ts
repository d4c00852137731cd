/** A short argument of a script; what is long goes beside them, as a text. */
export type Argument = string | number

/** One step of the script WORK. */
export interface Operation {
  readonly name: 'put' | 'verdict' | 'report'
  readonly args: readonly Argument[]
  /** What the script passes on without reading: an argument of the call each, which costs both ends least. */
  readonly texts: readonly string[]
  /** The stream entry a verdict is about. */
  readonly leaves?: { readonly lane: string; readonly entry: string }
}

/**
 * A life for Redis: a whole number of ms, at least 1. Throws a RangeError for anything that is no duration, because an
 * argument that Redis refuses would fail the operation half done.
 */
export function life(ms: number): number {
  if (!Number.isFinite(ms)) throw new RangeError(`${ms} is no duration`)
  return Math.max(1, Math.round(ms))
}

/** About; what is not among the texts is short. */
export const charactersOf = ({ texts }: Operation): number => texts.reduce((sum, text) => sum + text.length, 0)
