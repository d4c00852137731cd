import { sameParty } from '../cpm/address.js'
import type { CpimAddress } from '../cpm/cpim-syntax.js'

/**
 * Whom a message in a chat room is for (RFC 7701 §6). everybody: all but the leg it came from. one: a private message,
 * 428 where the room has none, 404 when nobody there has that address. several: 403.
 */
export type Addressee =
  | { readonly kind: 'everybody' }
  | { readonly kind: 'one'; readonly uri: string }
  | { readonly kind: 'several' }

/** Tells by the To headers of a message/cpim; `room` is the session identity. */
export function addresseeOf(to: readonly CpimAddress[], room: string): Addressee {
  const [first, ...more] = to
  if (first === undefined || more.length > 0) return { kind: 'several' }
  return sameParty(first.uri, room) ? { kind: 'everybody' } : { kind: 'one', uri: first.uri }
}
