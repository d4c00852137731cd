/** First in, first out. What was taken is let go of at once. */
export interface Queue<T> {
  push(item: T): void
  /** The first one, without taking it. */
  first(): T | undefined
  /** Takes the first one. */
  shift(): void
  length(): number
  /** Takes all that `wanted` says, in order. */
  take(wanted: (item: T) => boolean): T[]
}

/** Places of taken items before the rest moves up. */
const SLACK = 1024

export function createQueue<T>(): Queue<T> {
  let items: (T | undefined)[] = []
  let head = 0

  const waiting = () => items.slice(head) as T[]

  return {
    push: (item) => void items.push(item),
    first: () => items[head],
    shift() {
      if (head === items.length) return
      items[head] = undefined
      head += 1
      if (head <= SLACK) return
      items = waiting()
      head = 0
    },
    length: () => items.length - head,
    take(wanted) {
      const taken: T[] = []
      const left: T[] = []
      for (const item of waiting()) (wanted(item) ? taken : left).push(item)
      items = left
      head = 0
      return taken
    },
  }
}
