import type { WatchState } from '../../adapters/contract/presence.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { PresenceState } from '../cpm/presence.js'
import type { HomeUsers, PresenceDocuments } from './port.js'
import { type Decision, decide, type Handling, SHOWS_ALL } from './rules.js'
import { viewOf } from './view.js'

export interface Authority {
  /** What a user lets a watcher do. Rejects with SpoolUnavailable. */
  decide(presentity: Uri, watcher: Uri): Promise<Decision>
}

export interface AuthorityOptions {
  readonly users: HomeUsers
  readonly documents: PresenceDocuments
  /** For watchers of users who have stated no rules. */
  readonly withoutRules: Handling
  readonly clock: Clock
}

/** Decides by the rules of the user (RFC 5025); he himself sees all. */
export function createAuthority({ users, documents, withoutRules, clock }: AuthorityOptions): Authority {
  return {
    async decide(presentity, watcher) {
      const known = users.find(watcher)
      if (known?.uri === presentity) return { handling: 'allow', shows: SHOWS_ALL }
      const rules = await documents.rules(presentity)
      if (!rules) return { handling: withoutRules, shows: SHOWS_ALL }
      const lists = rules.some((rule) => rule.lists) ? await documents.lists(presentity) : new Map<string, Uri[]>()
      return decide(rules, {
        addresses: known?.addresses ?? [watcher],
        now: clock.now(),
        list: (name) => new Set(lists.get(name)),
      })
    },
  }
}

/** What a decision makes of a state for its watcher. Who is blocked politely is not told so. */
export function watchStateOf(decision: Decision, state: PresenceState): WatchState {
  switch (decision.handling) {
    case 'block':
      return { kind: 'ended', reason: 'rejected' }
    case 'confirm':
      return { kind: 'pending' }
    case 'polite-block':
    case 'allow':
      return { kind: 'active', presence: viewOf(state, decision) }
  }
}
