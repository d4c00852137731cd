/** What has come in and who waits for it: `next` takes the oldest that matches, now or when it comes. */
export interface Inbox<Item> {
  push(item: Item): void
  /** Takes the oldest item that matches; rejects after `withinMs` with what is there instead. */
  next(what: string, matches: (item: Item) => boolean, withinMs?: number): Promise<Item>
  /** Everything not taken yet. */
  readonly items: readonly Item[]
}

interface Waiter<Item> {
  readonly matches: (item: Item) => boolean
  readonly resolve: (item: Item) => void
}

/** `show` puts an item into the error of a `next` that waited in vain. */
export function inbox<Item>(show: (item: Item) => string): Inbox<Item> {
  const items: Item[] = []
  const waiters = new Set<Waiter<Item>>()
  return {
    items,
    push(item) {
      const waiter = [...waiters].find((candidate) => candidate.matches(item))
      if (waiter === undefined) {
        items.push(item)
        return
      }
      waiters.delete(waiter)
      waiter.resolve(item)
    },
    next(what, matches, withinMs = 10_000) {
      const index = items.findIndex(matches)
      const [found] = index < 0 ? [] : items.splice(index, 1)
      if (found !== undefined) return Promise.resolve(found)
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters.delete(waiter)
          const instead = items.map(show).join('\n  ')
          reject(new Error(`${what} did not come within ${withinMs} ms. Came instead:\n  ${instead || 'nothing'}`))
        }, withinMs)
        const waiter: Waiter<Item> = {
          matches,
          resolve(item) {
            clearTimeout(timer)
            resolve(item)
          },
        }
        waiters.add(waiter)
      })
    },
  }
}
