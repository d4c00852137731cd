/** Something has changed: whoever waits for it looks again. */
export interface Signal {
  next(): Promise<void>
  fire(): void
}

export function createSignal(): Signal {
  let waiting: (() => void)[] = []
  return {
    next: () => new Promise((resolve) => waiting.push(resolve)),
    fire() {
      const all = waiting
      waiting = []
      for (const resolve of all) resolve()
    },
  }
}
