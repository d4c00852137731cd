import type { Description, Media } from './description.js'

/** An offer with fewer streams, and which of the former ones they are. */
export interface Reduced {
  readonly offer: Description
  /** Positions in the offer that was reduced. */
  readonly kept: readonly number[]
}

/**
 * Leaves out the streams that are not allowed; the others stay as they are (`MED-06`, `MED-09`). Undefined when none is left:
 * the invitation is to be refused with 488 (`MED-08`, `MED-11`).
 */
export function reduceOffer(offer: Description, allowed: (media: Media) => boolean): Reduced | undefined {
  const kept = offer.media.flatMap((media, index) => (media.port > 0 && allowed(media) ? [index] : []))
  if (kept.length === 0) return undefined
  return { offer: { ...offer, media: offer.media.filter((_media, index) => kept.includes(index)) }, kept }
}

/**
 * The answer to an offer that was reduced before it went on: as many sections as the offer had, in its order, those left
 * out refused (RFC 3264 §6, `MED-12`, `MED-19`).
 */
export function restoreAnswer(offer: Description, { kept }: Pick<Reduced, 'kept'>, answer: Description): Description {
  const media = offer.media.map((offered, index) => answer.media[kept.indexOf(index)] ?? refusal(offered))
  return { ...answer, media }
}

/** A section that refuses this one. */
export const refusal = ({ kind, proto, formats }: Media): Media => ({ kind, port: 0, proto, formats, lines: [] })

/** Streams that are not refused. */
export const activeStreams = ({ media }: Description): readonly Media[] => media.filter(({ port }) => port > 0)
