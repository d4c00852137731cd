/** What becomes of messages to a user of the simulated server, by the first part of his address. */
export const MAGIC_USERS: Readonly<Record<string, { readonly fate: Fate; readonly says: string }>> = {
  busy: { fate: 'busy', says: 'resource-constraint (wait)' },
  away: { fate: 'away', says: 'recipient-unavailable (wait)' },
  refused: { fate: 'refused', says: 'item-not-found (cancel)' },
  silent: { fate: 'silent', says: 'taken, and the next ping is not answered' },
  failing: { fate: 'failing', says: 'taken, and returned as an error afterwards' },
  mute: { fate: 'mute', says: 'taken, without a receipt' },
}

export type Fate = 'taken' | 'busy' | 'away' | 'refused' | 'silent' | 'failing' | 'mute'

export const fateOf = (local: string): Fate =>
  (Object.hasOwn(MAGIC_USERS, local) ? MAGIC_USERS[local]?.fate : undefined) ?? 'taken'
