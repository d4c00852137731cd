/** One medium of a multimedia message: its octets, with every transfer encoding undone. */
export interface Part {
  /** The full media type, parameters included. */
  readonly type: string
  /** File name, where it has one. */
  readonly name?: string
  /** Content-ID without angle brackets. */
  readonly contentId?: string
  /** Content-Location. */
  readonly location?: string
  readonly octets: Uint8Array
}

/** What a multimedia message shows: its parts in order, and the presentation that ties them together, if it has one. */
export interface MmsContent {
  readonly smil?: string
  readonly parts: readonly Part[]
}

/** type/subtype of a part in lower case. */
export const mediaTypeOf = ({ type }: Pick<Part, 'type'>): string => (type.split(';', 1)[0] ?? '').trim().toLowerCase()
