import type { Description, Media } from '../../msrp/sdp/description.js'
import { activeStreams, refusal } from '../../msrp/sdp/streams.js'

export type Side = 'near' | 'far'

export const otherSide = (side: Side): Side => (side === 'near' ? 'far' : 'near')

/** One stream of a session, and which m= section it is on each side: a side that may not have it does not see it. */
export interface Slot {
  readonly near?: number
  readonly far?: number
  /** As it was offered last. */
  readonly media: Media
}

/** An offer on its way to the other side, and the slots as they are once that side has taken it. */
export interface Carried {
  readonly slots: readonly Slot[]
  readonly offer: Description
}

/**
 * The offer as the other side may see it (`MED-06`, `MED-12`): what is not allowed, and was never there, is left out; what the
 * other side knows already stays in its place and is refused, for the number of sections never falls (RFC 3264 §8).
 * Undefined when no stream is left.
 */
export function carryOffer(
  before: readonly Slot[],
  from: Side,
  offer: Description,
  allowed: (media: Media) => boolean,
): Carried | undefined {
  const to = otherSide(from)
  const slots = before.map((slot) => ({ ...slot }))
  let count = slots.filter((slot) => slot[to] !== undefined).length
  const visible = new Set<Slot>()
  for (const [index, media] of offer.media.entries()) {
    const known = slots.find((slot) => slot[from] === index)
    const usable = media.port > 0 && allowed(media)
    const at = known?.[to] ?? (usable ? count++ : undefined)
    const slot: Slot = { ...known, [from]: index, media, ...(at !== undefined && { [to]: at }) }
    if (known) slots[slots.indexOf(known)] = slot
    else slots.push(slot)
    if (usable) visible.add(slot)
  }
  const shown = slots.filter((slot) => slot[to] !== undefined).sort((one, other) => (one[to] ?? 0) - (other[to] ?? 0))
  const carried = { ...offer, media: shown.map((slot) => (visible.has(slot) ? slot.media : refusal(slot.media))) }
  return activeStreams(carried).length === 0 ? undefined : { slots, offer: carried }
}

/** The answer as the offerer gets it: as many sections as he offered, in his order, those the other side did not see refused (`MED-19`, `MED-37`). */
export function carryAnswer(slots: readonly Slot[], from: Side, offer: Description, answer: Description): Description {
  const to = otherSide(from)
  const media = offer.media.map((offered, index) => {
    const at = slots.find((slot) => slot[from] === index)?.[to]
    return (at === undefined || offered.port === 0 ? undefined : answer.media[at]) ?? refusal(offered)
  })
  return { ...answer, media }
}
