import type { Written } from './mime.js'

/** What the centre has for the VASP: offered until it is answered for good. */
export interface Outbox {
  /** Resolves with the final StatusCode. Rejects when the outbox is full or closed. */
  put(written: Written): Promise<number>
  waiting(): number
  /** The VASP may be reachable now. */
  pump(): void
  close(): void
}

export interface OutboxSettings {
  readonly parallel: number
  /** False: nothing is offered yet. */
  readonly open: boolean
}

interface Entry {
  readonly written: Written
  readonly done: (status: number) => void
  readonly failed: (error: Error) => void
}

const LIMIT = 100_000
/** Success, and refusals of the message itself; all else is offered again, as MMSCs do. */
const isFinal = (status: number | undefined): status is number => status !== undefined && status < 3000

/** `offer` makes one attempt; `later` waits before the next. */
export function createOutbox(
  settings: () => OutboxSettings,
  offer: (written: Written) => Promise<number | undefined>,
  later: (run: () => void) => void,
): Outbox {
  let entries: Entry[] = []
  let underWay = 0
  let closed = false

  const attempt = async (entry: Entry): Promise<void> => {
    const status = await offer(entry.written)
    underWay -= 1
    if (isFinal(status)) entry.done(status)
    else if (closed) entry.failed(new Error('the centre has stopped'))
    else later(() => push(entry))
    pump()
  }

  const push = (entry: Entry): void => {
    if (closed || entries.length >= LIMIT) entry.failed(new Error('outbox is full or closed'))
    else entries.push(entry)
    pump()
  }

  const pump = (): void => {
    while (settings().open && !closed && underWay < settings().parallel) {
      const entry = entries.shift()
      if (entry === undefined) return
      underWay += 1
      void attempt(entry)
    }
  }

  return {
    put: (written) => new Promise((done, failed) => push({ written, done, failed })),
    waiting: () => entries.length + underWay,
    pump,
    close() {
      closed = true
      for (const entry of entries) entry.failed(new Error('the centre has stopped'))
      entries = []
    },
  }
}
