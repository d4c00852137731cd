/** What came on one channel, in order. */
export class Inbox {
  readonly #items: string[] = []
  #wake: (() => void) | undefined

  push(item: string): void {
    this.#items.push(item)
    this.#wake?.()
  }

  get empty(): boolean {
    return this.#items.length === 0
  }

  peek(): string | undefined {
    return this.#items[0]
  }

  take(): string | undefined {
    return this.#items.shift()
  }

  /** Resolves with false when nothing came within `ms` of real time. */
  async arrival(ms: number): Promise<boolean> {
    if (!this.empty) return true
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms)
      this.#wake = () => {
        clearTimeout(timer)
        this.#wake = undefined
        resolve(true)
      }
    })
  }
}
