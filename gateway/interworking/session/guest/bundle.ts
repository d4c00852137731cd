import type { Clock } from '../../../cpm/clock.js'

/** One thing said, as a line of text, with what the teller wants to remember of it. */
export interface Line<About> {
  readonly text: string
  readonly about: About
}

export interface Bundle<About> {
  /**
   * Sends it at once when nothing was sent within the window, otherwise with others at its end. Resolves when it is sent, or stored
   * for later; rejects when it could be neither.
   */
  add(line: Line<About>): Promise<void>
  /** Sends what is kept. */
  flush(): Promise<void>
  /** No timer any more; what is still kept stays in the store. */
  close(): void
}

export interface BundleOptions<About> {
  readonly windowMs: number
  /** Characters of one bundle; a longer line goes by itself. */
  readonly maximum: number
  readonly clock: Clock
  /** Stores what is kept, instead of what was. */
  readonly keep: (lines: readonly Line<About>[]) => Promise<void>
  /** Sends; in the same step only `left` is kept any more. Absent: nothing was kept. */
  readonly send: (lines: readonly Line<About>[], left?: readonly Line<About>[]) => Promise<void>
  /** What is kept could not be sent at its time: it is tried again after the next window. */
  readonly onError: (error: unknown) => void
}

/** Gathers what is said in a lively session, so that it does not flood a phone: one message a window, unless it is full. */
export function createBundle<About>(options: BundleOptions<About>): Bundle<About> {
  const { windowMs, maximum, clock, keep, send, onError } = options
  let kept: readonly Line<About>[] = []
  let stored: readonly Line<About>[] = []
  let cancel: (() => void) | undefined
  /** The last step in the store: what it holds must not be older than what is here. */
  let before: Promise<unknown> = Promise.resolve()

  function inTurn(step: () => Promise<void>): Promise<void> {
    const turn = before.then(step)
    before = turn.catch(() => undefined)
    return turn
  }

  function begin(): void {
    cancel?.()
    cancel = undefined
    if (windowMs > 0) cancel = clock.after(windowMs, atEnd)
  }

  function atEnd(): void {
    cancel = undefined
    if (kept.length === 0) return
    begin()
    flush().catch(onError)
  }

  /** What could not be sent is kept on; `left` is what came after it. */
  function sendInTurn(lines: readonly Line<About>[], left: readonly Line<About>[]): Promise<void> {
    return inTurn(async () => {
      await send(lines, left)
      stored = left
    }).catch((error: unknown) => {
      kept = [...lines, ...kept.filter((line) => !left.includes(line))]
      throw error
    })
  }

  /** Stores what is kept, this line with it. One step serves all lines that have come meanwhile. */
  async function store(line: Line<About>, wanted: readonly Line<About>[]): Promise<void> {
    if (stored.includes(line)) return
    const now = kept.includes(line) ? kept : wanted
    await keep(now)
    stored = now
  }

  async function flush(): Promise<void> {
    const lines = kept
    kept = []
    if (lines.length > 0) await sendInTurn(lines, [])
  }

  return {
    async add(line) {
      if (cancel === undefined && kept.length === 0) {
        begin()
        return inTurn(() => send([line]))
      }
      const wanted = [...kept, line]
      if (kept.length > 0 && charsOf(wanted) > maximum) {
        const full = kept
        kept = [line]
        begin()
        return sendInTurn(full, kept)
      }
      kept = wanted
      return inTurn(() => store(line, wanted)).catch((error: unknown) => {
        kept = kept.filter((one) => one !== line)
        throw error
      })
    },
    flush,
    close() {
      cancel?.()
      cancel = undefined
      kept = []
    },
  }
}

/** As they stand below each other. */
const charsOf = (lines: readonly Line<unknown>[]): number =>
  lines.reduce((sum, { text }) => sum + text.length, lines.length - 1)
