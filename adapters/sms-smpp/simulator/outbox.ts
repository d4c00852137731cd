import { createQueue } from '../bind/queue.js'
import type { Deliverable } from './receipts.js'

/** What the centre has for its clients: waits for a link that receives, is repeated until it is answered for good. */
export interface Outbox {
  /** Resolves with the final command_status of the answer. Rejects when the outbox is full or closed. */
  put(deliverable: Deliverable, avoid?: object): Promise<number>
  /** As `put`, for those who do not care what becomes of it. */
  drop(deliverable: Deliverable, avoid?: object): void
  waiting(): number
  /** Links have come, or have places free. */
  pump(): void
  close(): void
}

/** A link that can take a deliver_sm. `deliver` calls back with the status, or undefined when the link was lost. */
export interface Receiver {
  places(): number
  deliver(deliverable: Deliverable, answered: (status: number | undefined) => void): void
}

interface Entry {
  readonly deliverable: Deliverable
  readonly avoid: object | undefined
  readonly done: ((status: number) => void) | undefined
  readonly failed: ((error: Error) => void) | undefined
}

const LIMIT = 200_000
/** Statuses after which a centre tries again. */
const TEMPORARY = new Set([0x14, 0x58, 0x64, 0x08])

export function createOutbox(receivers: () => readonly Receiver[], later: (run: () => void) => void): Outbox {
  const entries = createQueue<Entry>()
  let next = 0
  let closed = false

  const choose = (avoid: object | undefined): Receiver | undefined => {
    const all = receivers()
    let fallback: Receiver | undefined
    for (let count = 0; count < all.length; count += 1) {
      next = (next + 1) % all.length
      const receiver = all[next]
      if (!receiver || receiver.places() <= 0) continue
      if (receiver !== avoid) return receiver
      fallback = receiver
    }
    // Only a link that is alone may carry what should have gone elsewhere.
    return all.length === 1 ? fallback : undefined
  }

  const push = (entry: Entry) => {
    if (closed || entries.length() >= LIMIT) return entry.failed?.(new Error('outbox is full or closed'))
    entries.push(entry)
    pump()
  }

  const pump = () => {
    for (let entry = entries.first(); entry; entry = entries.first()) {
      const receiver = choose(entry.avoid)
      if (!receiver) return
      entries.shift()
      deliver(receiver, entry)
    }
  }

  const deliver = (receiver: Receiver, entry: Entry) =>
    receiver.deliver(entry.deliverable, (status) => {
      if (status === undefined) push(entry)
      else if (TEMPORARY.has(status)) later(() => push(entry))
      else entry.done?.(status)
    })

  return {
    put: (deliverable, avoid) => new Promise((done, failed) => push({ deliverable, avoid, done, failed })),
    drop: (deliverable, avoid) => push({ deliverable, avoid, done: undefined, failed: undefined }),
    waiting: entries.length,
    pump,
    close() {
      closed = true
      for (const entry of entries.take(() => true)) entry.failed?.(new Error('the centre has stopped'))
    },
  }
}
