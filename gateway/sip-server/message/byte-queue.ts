/** Octets of a stream not yet consumed, in one buffer that grows by doubling. */
export class ByteQueue {
  #bytes: Buffer = Buffer.alloc(0)
  #start = 0
  #end = 0
  /** Whether the buffer is ours to write behind the end; a chunk taken as it came is not. */
  #owned = false

  get length(): number {
    return this.#end - this.#start
  }

  push(chunk: Buffer): void {
    if (this.length === 0) {
      // Nothing is waiting, the usual case: take the chunk as it is.
      this.#bytes = chunk
      this.#owned = false
      this.#start = 0
      this.#end = chunk.length
      return
    }
    this.#makeRoom(chunk.length)
    chunk.copy(this.#bytes, this.#end)
    this.#end += chunk.length
  }

  /** Position of a text counted from the first octet waiting; -1 if it is not there. */
  indexOf(text: string, from = 0): number {
    const found = this.#bytes.subarray(0, this.#end).indexOf(text, this.#start + from, 'latin1')
    return found < 0 ? -1 : found - this.#start
  }

  at(index: number): number | undefined {
    return index < this.length ? this.#bytes[this.#start + index] : undefined
  }

  text(from: number, to: number): string {
    return this.#bytes.toString('latin1', this.#start + from, this.#start + to)
  }

  drop(count: number): void {
    this.#start += Math.min(count, this.length)
  }

  #makeRoom(count: number): void {
    const needed = this.length + count
    if (this.#owned && this.#end + count <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed * 2, 1024))
    this.#bytes.copy(grown, 0, this.#start, this.#end)
    this.#end = this.length
    this.#start = 0
    this.#bytes = grown
    this.#owned = true
  }
}
