import type { ContributionId } from '../../gateway/cpm/ids.js'
import type { SharedStore } from '../contract/index.js'

/** Which contribution a stanza of ours was, so that an answer to it (XEP-0461) is known as one; over restarts and by all nodes. */
export interface Threads {
  sent(key: string, contributionId: ContributionId): Promise<void>
  answered(key: string): Promise<ContributionId | undefined>
}

/** How long an answer may take, ms. */
const LIFE_MS = 7 * 86_400_000

export function createThreads(store: SharedStore): Threads {
  return {
    sent: (key, contributionId) =>
      store.update<string, void>(`sent|${key}`, LIFE_MS, () => ({ next: contributionId, result: undefined })),
    answered: (key) =>
      store.update<ContributionId, ContributionId | undefined>(`sent|${key}`, LIFE_MS, (state) => ({
        next: state,
        result: state,
      })),
  }
}
