import { CLOSED, type PresencePerson, type PresenceState, type PresenceTuple } from '../cpm/presence.js'
import type { Decision, Shows } from './rules.js'

/** What a watcher sees of a state (RFC 5025 §3.3). Who is blocked politely sees somebody who is not there; who is not allowed, nothing else. */
export function viewOf(state: PresenceState, { handling, shows }: Decision): PresenceState {
  if (handling !== 'allow') return CLOSED
  const person = shows.person ? personOf(state.person, shows) : undefined
  return {
    tuples: state.tuples.filter((tuple) => isProvided(tuple, shows)).map((tuple) => tupleOf(tuple, shows)),
    ...(person && { person }),
  }
}

function isProvided({ contact }: PresenceTuple, { services }: Shows): boolean {
  if (services === 'all') return true
  if (contact === undefined) return false
  return services.uris.includes(contact) || services.schemes.includes(contact.slice(0, contact.indexOf(':')))
}

function tupleOf({ note, ...tuple }: PresenceTuple, { notes }: Shows): PresenceTuple {
  return { ...tuple, ...(notes && note && { note }) }
}

function personOf(person: PresencePerson | undefined, shows: Shows): PresencePerson | undefined {
  if (!person) return undefined
  const { activities, moods, note, icon, idle } = person
  const since = shows.userInput === 'full' ? idle?.since : undefined
  return {
    activities: shows.activities ? activities : [],
    moods: shows.moods ? moods : [],
    ...(shows.notes && note && { note }),
    ...(shows.icon && icon !== undefined && { icon }),
    ...(shows.userInput !== 'false' && idle && { idle: since === undefined ? {} : { since } }),
  }
}
