/** Handles what comes one after the other for each pair of parties (RFC 6120 §10.1), and many pairs at once. */
export interface Intake {
  /** Handles `run` after all that came before under the same key. */
  take(key: string, run: () => Promise<void>): void
  /** Resolves when nothing is under way. */
  empty(): Promise<void>
}

/** `flow` says whether more may come: false at `parallel` under way, true again at half of it. */
export function createIntake(parallel: number, flow: (open: boolean) => void): Intake {
  const tails = new Map<string, Promise<void>>()
  let underWay = 0
  let open = true
  let waiters: (() => void)[] = []

  const done = () => {
    underWay -= 1
    if (!open && underWay <= parallel / 2) {
      open = true
      flow(true)
    }
    if (underWay > 0) return
    for (const waiter of waiters) waiter()
    waiters = []
  }

  return {
    take(key, run) {
      underWay += 1
      if (open && underWay >= parallel) {
        open = false
        flow(false)
      }
      const before = tails.get(key)
      const tail = (before ? before.then(run) : run()).finally(() => {
        if (tails.get(key) === tail) tails.delete(key)
        done()
      })
      tails.set(key, tail)
    },
    empty: () => (underWay === 0 ? Promise.resolve() : new Promise((resolve) => waiters.push(resolve))),
  }
}
