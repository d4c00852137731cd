/** Framing of the control protocol: `<decimal length>#<payload>`, the length in octets of the payload. */
export function frame(payload: string): string {
  return `${payload.length}#${payload}`
}

export class FrameFault extends Error {
  override readonly name = 'FrameFault'
}

const LENGTH = /^[1-9]\d{0,8}$/

/** Cuts a stream of binary text into payloads. */
export class FrameReader {
  #text = ''
  /** Length of text without which there is nothing to look at; keeps a large frame from being searched again and again. */
  #needed = 0;

  /** Gives the payloads complete with this piece. Throws a FrameFault on a length that is none or above the limit. */
  *push(piece: string, maxFrameBytes: () => number): Generator<string> {
    this.#text += piece
    let at = 0
    while (this.#text.length - at >= this.#needed) {
      const mark = this.#text.indexOf('#', at)
      const digits = this.#text.slice(at, mark < 0 ? undefined : mark)
      if (digits !== '' && !LENGTH.test(digits)) throw new FrameFault('not a frame length')
      if (mark < 0) break
      const end = mark + 1 + Number(digits)
      if (digits === '' || Number(digits) > maxFrameBytes()) throw new FrameFault('frame length out of bounds')
      if (end > this.#text.length) {
        this.#needed = end - at
        break
      }
      this.#needed = 0
      const payload = this.#text.slice(mark + 1, end)
      at = end
      yield payload
    }
    this.#text = this.#text.slice(at)
  }
}
