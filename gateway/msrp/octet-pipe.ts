const SMALL = 4096

/** The octets stop before their end. */
export class PipeBroken extends Error {}

/**
 * Octets on their way from one side to another. It never refuses octets: the writer looks at `length` and stops in time.
 * One reader, which takes what is at hand, or iterates.
 */
export class OctetPipe implements AsyncIterable<Buffer> {
  readonly #changed: (difference: number) => void
  #pieces: Buffer[] = []
  #length = 0
  #pushed = 0
  #ended = false
  #failure: PipeBroken | undefined
  #wake: (() => void) | undefined

  /** `changed` is told by how much `length` has grown or shrunk. */
  constructor(changed: (difference: number) => void = () => undefined) {
    this.#changed = changed
  }

  /** Octets that wait for the reader. */
  get length(): number {
    return this.#length
  }

  /** Octets that were pushed in all. */
  get pushed(): number {
    return this.#pushed
  }

  /** The writer has said that nothing follows; octets may still wait. */
  get ended(): boolean {
    return this.#ended
  }

  /** Why the octets stop before their end. */
  get failure(): PipeBroken | undefined {
    return this.#failure
  }

  get #closed(): boolean {
    return this.#ended || this.#failure !== undefined
  }

  push(octets: Buffer): void {
    if (this.#closed || octets.length === 0) return
    const last = this.#pieces.at(-1)
    // Small pieces are joined: each would keep alive the whole buffer that it came in.
    if (last && last.length + octets.length <= SMALL)
      this.#pieces[this.#pieces.length - 1] = Buffer.concat([last, octets])
    else this.#pieces.push(octets.length < SMALL ? Buffer.from(octets) : octets)
    this.#length += octets.length
    this.#pushed += octets.length
    this.#changed(octets.length)
    this.#signal()
  }

  /** Puts octets just taken back, for the next reader. */
  giveBack(octets: Buffer): void {
    if (this.#failure || octets.length === 0) return
    this.#pieces.unshift(octets)
    this.#length += octets.length
    this.#changed(octets.length)
  }

  end(): void {
    if (this.#closed) return
    this.#ended = true
    this.#signal()
  }

  /** Either side gives up; what waits is dropped. Does nothing when the reader has all. */
  fail(said: string): void {
    if (this.#failure !== undefined || (this.#ended && this.#length === 0)) return
    this.#failure = new PipeBroken(said)
    const dropped = this.#length
    this.#pieces = []
    this.#length = 0
    this.#changed(-dropped)
    this.#signal()
  }

  /** At most `max` octets of what is at hand; undefined when nothing is. */
  take(max: number): Buffer | undefined {
    if (this.#length === 0) return undefined
    const got: Buffer[] = []
    let count = 0
    while (count < max) {
      const piece = this.#pieces[0]
      if (piece === undefined) break
      const part = piece.subarray(0, max - count)
      if (part.length === piece.length) this.#pieces.shift()
      else this.#pieces[0] = piece.subarray(part.length)
      got.push(part)
      count += part.length
    }
    this.#length -= count
    this.#changed(-count)
    return got.length === 1 ? got[0] : Buffer.concat(got)
  }

  /** Calls `wake` once, when there is more to take, or the end. */
  whenReady(wake: () => void): void {
    this.#wake = wake
  }

  /** Everything, as it comes. Throws PipeBroken when the writer gives up; who stops iterating gives up too. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    try {
      for (;;) {
        const octets = this.take(Number.MAX_SAFE_INTEGER)
        if (octets) yield octets
        else if (this.#failure) throw this.#failure
        else if (this.#ended) return
        else await new Promise<void>((resolve) => this.whenReady(resolve))
      }
    } finally {
      this.fail('not wanted any more')
    }
  }

  #signal(): void {
    const wake = this.#wake
    this.#wake = undefined
    wake?.()
  }
}

/** All octets of a pipe; undefined when there are more than `maxBytes`. Throws PipeBroken when the writer gave up. */
export async function collect(pipe: OctetPipe, maxBytes: number): Promise<Buffer | undefined> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of pipe) {
    length += piece.length
    if (length > maxBytes) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
