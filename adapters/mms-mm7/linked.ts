import type { ContributionId, Uri } from '../../gateway/cpm/ids.js'
import type { SharedStore } from '../contract/index.js'
import { spellings } from './mapping/message-id.js'

/** What is remembered between a message and its answer, over restarts and by all nodes. */
export interface Threads {
  /** The MMSC has named what `mmsUser` wrote to `ours`: the answer is to carry it. */
  remember(mmsUser: Uri, ours: Uri, linkedId: string): Promise<void>
  /** The LinkedID for a message from `ours` to `mmsUser`. */
  recall(mmsUser: Uri, ours: Uri): Promise<string | undefined>
  forget(mmsUser: Uri, ours: Uri): Promise<void>
  /** The MMSC knows this contribution by `messageId`. */
  sent(messageId: string, contributionId: ContributionId): Promise<void>
  /** The contribution that an answer names, by any of the ids it carries. */
  answered(ids: readonly (string | undefined)[]): Promise<ContributionId | undefined>
}

/** How long an answer may take, ms. */
const LIFE_MS = 7 * 86_400_000

export function createThreads(store: SharedStore): Threads {
  const linkKey = (mmsUser: Uri, ours: Uri) => `linked|${mmsUser}|${ours}`
  const sentKey = (messageId: string) => `sent|${spellings(messageId).at(-1)}`
  const write = (key: string, next: string | undefined) =>
    store.update<string, void>(key, LIFE_MS, () => ({ next, result: undefined }))
  const read = (key: string) =>
    store.update<string, string | undefined>(key, LIFE_MS, (state) => ({ next: state, result: state }))

  return {
    remember: (mmsUser, ours, linkedId) => write(linkKey(mmsUser, ours), linkedId),
    recall: (mmsUser, ours) => read(linkKey(mmsUser, ours)),
    forget: (mmsUser, ours) => write(linkKey(mmsUser, ours), undefined),
    sent: (messageId, contributionId) => write(sentKey(messageId), contributionId),
    async answered(ids) {
      for (const id of ids) {
        const found = id === undefined ? undefined : await read(sentKey(id))
        if (found !== undefined) return found as ContributionId
      }
      return undefined
    },
  }
}
