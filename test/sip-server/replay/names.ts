import { first, readSip, tagIn } from './sip-text.js'

const WORD = /[A-Za-z0-9\-.!%*_+`'~@]+/g

/**
 * What the two servers call the same thing: ids, tags, branches, ports, numbers. Learnt from what our server says in
 * the place of what the recorded one said, and put into what the recording says next.
 */
export class Names {
  readonly #words = new Map<string, string>()
  readonly #outside = new Set<string>()
  readonly #vias = new Map<string, string>()
  readonly #ports = new Map<string, string>()
  /** By recorded Call-ID and From tag, whose numbers they are: our CSeq less the recorded one. */
  readonly #offsets = new Map<string, number>()

  /** Words of what was said to the server: it must give them back unchanged. */
  said(text: string): void {
    for (const word of text.match(WORD) ?? []) this.#outside.add(word)
  }

  port(recorded: string | number, actual: string | number): void {
    this.#ports.set(String(recorded), String(actual))
  }

  /** Notes that the server calls it so; false when it was called otherwise before. */
  learn(recorded: string, actual: string): boolean {
    const known = this.#words.get(recorded)
    if (known !== undefined) return known === actual
    if (recorded === '' || actual === '' || this.#outside.has(recorded)) return recorded === actual
    this.#words.set(recorded, actual)
    return true
  }

  learnPort(recorded: string, actual: string): boolean {
    if (!this.#ports.has(recorded)) this.#ports.set(recorded, actual)
    return this.#ports.get(recorded) === actual
  }

  /** A Via line of a request the server sent: peers answer with it as it is. */
  learnVia(recorded: string, actual: string): void {
    this.#vias.set(recorded, actual)
  }

  /** CSeq numbers of a request the server made: the first tells the distance, the others must keep it. */
  learnCSeq(recorded: string, actual: string): boolean {
    const key = dialogKey(recorded)
    const distance = cseqOf(actual) - cseqOf(recorded)
    if (!this.#offsets.has(key)) this.#offsets.set(key, distance)
    return this.#offsets.get(key) === distance
  }

  /** Recorded text as it has to be said or heard here; the body stays. */
  translate(text: string): string {
    const end = text.indexOf('\r\n\r\n')
    const head = end < 0 ? text : text.slice(0, end)
    const translated = this.#numbers(head, text)
      .split('\r\n')
      .map((line) => this.#line(line))
      .join('\r\n')
    return translated + (end < 0 ? '' : text.slice(end))
  }

  /** Words and ports alone. */
  words(text: string): string {
    return text
      .replace(
        /(127\.0\.0\.1:|rport=)(\d+)/g,
        (_all, before: string, port: string) => before + (this.#ports.get(port) ?? port),
      )
      .replace(WORD, (word) => this.#words.get(word) ?? word)
  }

  portOf(recorded: string): string {
    return this.#ports.get(recorded) ?? recorded
  }

  #line(line: string): string {
    const via = /^(Via: *)(.*)$/i.exec(line)
    const ours = via && this.#vias.get(via[2] ?? '')
    return ours === null || ours === undefined ? this.words(line) : `${via?.[1]}${ours}`
  }

  #numbers(head: string, text: string): string {
    const offset = this.#offsets.get(dialogKey(text)) ?? 0
    return head
      .replace(/^(cseq: *)(\d+)/im, (_all, name: string, number: string) => `${name}${Number(number) + offset}`)
      .replace(/^(rack: *)(\d+) +(\d+)/im, (_all, name: string, rseq: string, cseq: string) => {
        return `${name}${this.#words.get(rseq) ?? rseq} ${Number(cseq) + offset}`
      })
  }
}

function dialogKey(text: string): string {
  const message = readSip(text)
  return `${first(message, 'call-id')} ${tagIn(first(message, 'from'))}`
}

function cseqOf(text: string): number {
  return Number.parseInt(first(readSip(text), 'cseq'), 10)
}
