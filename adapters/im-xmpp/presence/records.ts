import type { SharedStore } from '../../contract/index.js'

/** Which subscriptions stand, by pairs of JIDs; over restarts and for all nodes. XMPP's last until somebody takes them back. */
export interface Records {
  /** Our subscription to somebody there: asked for, or granted. */
  watching(ours: string, theirs: string): Promise<'pending' | 'active' | undefined>
  watch(ours: string, theirs: string, state: 'pending' | 'active'): Promise<void>
  unwatch(ours: string, theirs: string): Promise<void>
  /** He may see our user from now on; true when that is news. */
  grant(ours: string, theirs: string): Promise<boolean>
  granted(ours: string, theirs: string): Promise<boolean>
  revoke(ours: string, theirs: string): Promise<void>
}

/** A subscription that nobody has touched for so long is asked for anew, ms. */
const LIFE_MS = 400 * 86_400_000

export function createRecords(store: SharedStore): Records {
  const watchKey = (ours: string, theirs: string) => `watch|${ours}|${theirs}`
  const grantKey = (ours: string, theirs: string) => `grant|${ours}|${theirs}`
  const read = <State>(key: string) =>
    store.update<State, State | undefined>(key, LIFE_MS, (state) => ({ next: state, result: state }))
  const write = <State>(key: string, next: State | undefined) =>
    store.update<State, boolean>(key, LIFE_MS, (state) => ({ next, result: state === undefined }))

  return {
    watching: (ours, theirs) => read<'pending' | 'active'>(watchKey(ours, theirs)),
    watch: async (ours, theirs, state) => void (await write(watchKey(ours, theirs), state)),
    unwatch: async (ours, theirs) => void (await write(watchKey(ours, theirs), undefined)),
    grant: (ours, theirs) => write(grantKey(ours, theirs), 1),
    granted: async (ours, theirs) => (await read<number>(grantKey(ours, theirs))) !== undefined,
    revoke: async (ours, theirs) => void (await write(grantKey(ours, theirs), undefined)),
  }
}
