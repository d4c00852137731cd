import { CLOSED, type PresenceState, type PresenceTuple } from '../cpm/presence.js'
import type { Publication } from './publication.js'

/** Tuples told of one user; those of his oldest devices first. */
const MAX_TUPLES = 32
export const REGISTERED: PresenceState = { tuples: [{ id: 'registered', open: true }] }

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
  return tuples.slice(0, MAX_TUPLES)
}
