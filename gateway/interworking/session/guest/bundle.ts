import type { Clock } from '../../../cpm/clock.js'

/** One thing said, as a line of text, with what the teller wants to remember of it. */
export interface Line<About> {
  readonly text: string
  readonly about: About
}

export interface Bundle<About> {
  /** Sends it at once when nothing was sent within the window, otherwise with others at its end. Resolves when it is sent, or kept for later. */
  add(line: Line<About>): Promise<void>
  /** Sends what is kept. */
  flush(): Promise<void>
  /** Drops what is kept. */
  close(): void
}

export interface BundleOptions<About> {
  readonly windowMs: number
  /** Characters of one bundle; a longer line goes by itself. */
  readonly maximum: number
  readonly clock: Clock
  readonly send: (lines: readonly Line<About>[]) => Promise<void>
  /** What was kept for later could not be sent. */
  readonly onError: (lines: readonly Line<About>[], error: unknown) => void
}

/** Gathers what is said in a lively session, so that it does not flood a phone: one message a window, unless it is full. */
export function createBundle<About>(options: BundleOptions<About>): Bundle<About> {
  const { windowMs, maximum, clock, send, onError } = options
  let kept: Line<About>[] = []
  let chars = 0
  let cancel: (() => void) | undefined

  function begin(): void {
    cancel?.()
    cancel = undefined
    if (windowMs > 0) cancel = clock.after(windowMs, () => void atEnd())
  }

  async function atEnd(): Promise<void> {
    cancel = undefined
    const lines = take()
    if (lines.length === 0) return
    begin()
    await send(lines).catch((error: unknown) => onError(lines, error))
  }

  function take(): readonly Line<About>[] {
    const lines = kept
    kept = []
    chars = 0
    return lines
  }

  async function flush(): Promise<void> {
    const lines = take()
    if (lines.length > 0) await send(lines)
  }

  return {
    async add(line) {
      if (cancel === undefined) {
        begin()
        return send([line])
      }
      const full = kept.length > 0 && chars + line.text.length > maximum ? take() : []
      kept.push(line)
      chars += line.text.length + 1
      if (full.length === 0) return
      begin()
      await send(full).catch((error: unknown) => onError(full, error))
    },
    flush,
    close() {
      cancel?.()
      cancel = undefined
      take()
    },
  }
}
