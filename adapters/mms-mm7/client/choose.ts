import { hash } from 'node:crypto'
import type { Attempt } from '../../contract/index.js'
import type { AccountClient } from './account.js'

/** A number between 0 and 1 (never either) that is the same for the same text. */
const fraction = (text: string): number =>
  (Number.parseInt(hash('sha256', text, 'hex').slice(0, 12), 16) + 0.5) / 2 ** 48

/**
 * The account a message to this recipient goes over: shares by weight, always the same for a recipient while it can be
 * reached (weighted rendezvous hashing). One that is down leaves its share to the others; one of weight 0 serves only when
 * no other can. What an MMSC did not take goes to the next one in the next attempt; what it may have taken does not, since
 * it alone can know it again by its TransactionID.
 */
export function chooseAccount(
  accounts: readonly AccountClient[],
  recipient: string,
  { number, possibleDuplicate }: Attempt,
): AccountClient | undefined {
  const able = accounts.filter((account) => account.capacity() > 0)
  const score = ({ profile }: AccountClient) => profile.weight / -Math.log(fraction(`${profile.name} ${recipient}`))
  const ranked = able.toSorted((a, b) => score(b) - score(a))
  return ranked[possibleDuplicate ? 0 : (number - 1) % ranked.length]
}
