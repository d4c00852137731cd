import type { SharedStore } from '../../contract/index.js'

/** Which subscriptions stand, by pairs of JIDs; over restarts and for all nodes. XMPP's last until somebody takes them back. */
export interface Records {
  /** Our subscription to somebody there: asked for, or granted. */
  watching(ours: string, theirs: string): Promise<'pending' | 'active' | undefined>
  watch(ours: string, theirs: string, state: 'pending' | 'active'): Promise<void>
  unwatch(ours: string, theirs: string): Promise<void>
  /** Resources of our user that he sees as available; undefined when he may not see him. */
  shown(ours: string, theirs: string): Promise<readonly string[] | undefined>
  /** He may see our user from now on, and sees these. */
  show(ours: string, theirs: string, resources: readonly string[]): Promise<void>
  revoke(ours: string, theirs: string): Promise<void>
}

/** A subscription that nobody has touched for so long is asked for anew, ms. */
const LIFE_MS = 400 * 86_400_000

export function createRecords(store: SharedStore): Records {
  const watchKey = (ours: string, theirs: string) => `watch|${ours}|${theirs}`
  const shownKey = (ours: string, theirs: string) => `shown|${ours}|${theirs}`
  const read = <State>(key: string) =>
    store.update<State, State | undefined>(key, LIFE_MS, (state) => ({ next: state, result: state }))
  const write = <State>(key: string, next: State | undefined) =>
    store.update<State, void>(key, LIFE_MS, () => ({ next, result: undefined }))

  return {
    watching: (ours, theirs) => read<'pending' | 'active'>(watchKey(ours, theirs)),
    watch: (ours, theirs, state) => write(watchKey(ours, theirs), state),
    unwatch: (ours, theirs) => write(watchKey(ours, theirs), undefined),
    shown: (ours, theirs) => read<readonly string[]>(shownKey(ours, theirs)),
    show: (ours, theirs, resources) => write(shownKey(ours, theirs), resources),
    revoke: (ours, theirs) => write(shownKey(ours, theirs), undefined),
  }
}
