/** Octets of a stream not yet consumed. */
export class OctetQueue {
  #octets: Buffer = Buffer.alloc(0)

  get length(): number {
    return this.#octets.length
  }

  push(chunk: Buffer): void {
    this.#octets = this.#octets.length === 0 ? chunk : Buffer.concat([this.#octets, chunk])
  }

  /** Position of the octets of `text` counted from the first one waiting; -1 if they are not there. */
  indexOf(text: string): number {
    return this.#octets.indexOf(text, 0, 'latin1')
  }

  matches(text: string, at: number): boolean {
    return this.#octets.toString('latin1', at, at + text.length) === text
  }

  at(index: number): number | undefined {
    return this.#octets[index]
  }

  /** Takes the first `count` octets out. They are a view of what was pushed. */
  take(count: number): Buffer {
    const taken = this.#octets.subarray(0, count)
    this.#octets = this.#octets.subarray(count)
    return taken
  }
}
