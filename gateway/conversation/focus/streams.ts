import type { Description, Media } from '../../msrp/sdp/description.js'

/** Names a stream of a session for all its members: its kind, with a number from the second of a kind on. */
export type StreamKey = string

/** The stream of each m= section of a dialog, by position; undefined: none now (RFC 3264 §8 keeps the place). */
export type Slots = readonly (StreamKey | undefined)[]

/** An offered stream, and what it is in the session. */
export interface OfferedStream {
  readonly index: number
  readonly key: StreamKey
  readonly media: Media
}

/** What may be done with the streams of an offer. */
export interface StreamRules {
  /** What some member of the session uses now, the offerer included. */
  readonly inUse: ReadonlySet<StreamKey>
  /** Whether we know what to do with a stream of such characteristics (`MED-33`, `UP-02`, `UP-05`). */
  supports(media: Media): boolean
  /** Whether all others who use the stream can go on with it as it is offered (`MED-41`). */
  follow(key: StreamKey, media: Media): boolean
  /** The policies of group and provider, for this member (`MED-09`, `CPM-CONV-011`). */
  allows(kind: string): boolean
  /** He may add a stream that nobody uses (`MED-28`), or take one away from all (`MED-29`). */
  readonly mayAdd: boolean
  readonly mayRemove: boolean
}

/** What becomes of an offer. */
export interface Judgement {
  /** To be answered, in the order of the offer (`MED-38`, `MED-39`). */
  readonly accepted: readonly OfferedStream[]
  /** Those among them that the others are to be offered (`MED-28`, `MED-32`). */
  readonly added: readonly OfferedStream[]
  /** What the others are not to be offered any more (`MED-29`, `MED-31`). */
  readonly removed: ReadonlySet<StreamKey>
}

/** At most this many streams in one session. */
const MAX_STREAMS = 8

export const kindOf = (key: StreamKey): string => key.split('#', 1)[0] ?? key

/**
 * Judges what a member offers who has `own` streams until now. Undefined when nothing is left: the offer is refused with 488
 * and all stays as it was (`MED-11`, `MED-22`); so is one that changes a stream of his into what others cannot follow.
 */
export function judgeOffer(offer: Description, own: Slots, rules: StreamRules): Judgement | undefined {
  const { inUse, mayAdd, mayRemove } = rules
  const offered = keyed(offer, own)
  const usable = offered.filter(
    ({ key, media }) =>
      rules.supports(media) &&
      rules.allows(media.kind) &&
      !isFloorControlled(offer, media) &&
      (inUse.has(key) || (mayAdd && inUse.size < MAX_STREAMS)),
  )
  const accepted = usable.filter(({ key, media }) => rules.follow(key, media))
  const isBroken = usable.some((stream) => own.includes(stream.key) && !accepted.includes(stream))
  if (isBroken || accepted.length === 0) return undefined
  const kept = new Set(offered.map(({ key }) => key))
  const dropped = own.flatMap((key) => (key === undefined || kept.has(key) ? [] : [key]))
  return {
    accepted,
    added: accepted.filter(({ key }) => !inUse.has(key)),
    removed: new Set(mayRemove ? dropped : []),
  }
}

/** A section in its former place is the stream it was; a new one is the first of its kind that the member does not use. */
function keyed({ media }: Description, own: Slots): readonly OfferedStream[] {
  const taken = new Set<StreamKey>()
  const kept = media.map((one, index) => {
    const key = own[index]
    if (one.port === 0 || key === undefined || kindOf(key) !== one.kind) return undefined
    taken.add(key)
    return key
  })
  return media.flatMap((one, index) => {
    if (one.port === 0) return []
    const key = kept[index] ?? firstFree(one.kind, taken)
    taken.add(key)
    return [{ index, key, media: one }]
  })
}

function firstFree(kind: string, taken: ReadonlySet<StreamKey>): StreamKey {
  let key = kind
  for (let number = 2; taken.has(key); number++) key = `${kind}#${number}`
  return key
}

/** Whether a floor decides who may speak in it (RFC 4583): there is no floor service here (`UP-05`). */
function isFloorControlled({ media: sections }: Description, { proto, lines }: Media): boolean {
  if (/bfcp/i.test(proto) || lines.some((line) => /^a=(?:floorid|floorctrl)\b/i.test(line))) return true
  const label = lines.find((line) => line.startsWith('a=label:'))?.slice('a=label:'.length)
  if (label === undefined) return false
  const floors = sections.flatMap((section) => section.lines.filter((line) => line.startsWith('a=floorid:')))
  return floors.some((line) => /(?:mstrm|m-stream):(.*)$/i.exec(line)?.[1]?.split(/[ ,]/).includes(label))
}
