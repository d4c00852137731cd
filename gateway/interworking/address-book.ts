import type { Uri } from '../cpm/ids.js'

/** An address book outside: further addresses of a user, for when no service can use those that we know (`GAP-06`, `ISF-06`). */
export interface AddressBook {
  /** In normal form and in the order of the book; none when it knows none or cannot be asked. Never rejects. */
  addressesOf(user: Uri): Promise<readonly Uri[]>
}
