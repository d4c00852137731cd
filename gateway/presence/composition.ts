import { CLOSED, type PresenceState, type PresenceTuple } from '../cpm/presence.js'
import type { Publication } from './publication.js'

/** Tuples told of one user; those of his oldest devices first. */
const MAX_TUPLES = 32
/** Characters of them: a notification has to fit a SIP message. */
const MAX_CHARS = 24_000
const REGISTERED: PresenceState = { tuples: [{ id: 'registered', open: true }] }

/**
 * One state of all that a user's devices say (RFC 4479 §3): a tuple for each service of each device, and the person as it was
 * described last. `registered` counts while nothing is published, where policy wants it to.
 */
export function compose(publications: readonly Publication[], registered: boolean): PresenceState {
  if (publications.length === 0) return registered ? REGISTERED : CLOSED
  const latest = publications
    .filter(({ state }) => state.person)
    .reduce<Publication | undefined>((last, each) => (last && last.saidAt > each.saidAt ? last : each), undefined)
  const person = latest?.state.person
  return { tuples: tuplesOf(publications), ...(person && { person }) }
}

/** Devices that use one id are told apart by the names of their publications. */
function tuplesOf(publications: readonly Publication[]): readonly PresenceTuple[] {
  const seen = new Set<string>()
  const tuples = publications.flatMap(({ id: publication, state }) =>
    state.tuples.map((tuple) => {
      const id = seen.has(tuple.id) ? `${tuple.id.slice(0, 90)}.${publication}` : tuple.id
      seen.add(id)
      return { ...tuple, id }
    }),
  )
  return bounded(tuples)
}

/** The first tuples, as many as may be told. */
export function bounded(tuples: readonly PresenceTuple[]): readonly PresenceTuple[] {
  let room = MAX_CHARS
  return tuples.slice(0, MAX_TUPLES).filter((tuple) => {
    room -= JSON.stringify(tuple).length
    return room >= 0
  })
}
