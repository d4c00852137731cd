/** Small shared state of an adapter that must survive a restart and be seen by every node. Keys are the adapter's own. */
export interface SharedStore {
  /**
   * Reads, decides and writes as one step, whoever else does the same. `change` is pure and may run several times.
   * `next` undefined removes the key; the very `state` it was given leaves the key and its life alone. Every write gives the key a life of `lifeMs`. Rejects when the store is out of reach.
   */
  update<State, Result>(
    key: string,
    lifeMs: number,
    change: (state: State | undefined) => { readonly next: State | undefined; readonly result: Result },
  ): Promise<Result>
  /** Calls the waker with `key` at about `atMs`, once, on one node; survives a restart. A later call for the same key is ignored. */
  wakeAt(key: string, atMs: number): Promise<void>
  /** Sets the waker. A waker that rejects is called again later. */
  onWake(waker: (key: string) => Promise<void>): void
}
