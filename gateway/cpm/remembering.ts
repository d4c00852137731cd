import { detached } from './detached.js'

const MAX_REMEMBERED = 128
const MAX_LENGTH = 256

/**
 * Reads a text, and remembers what it means: for what many messages have in common, such as addresses of servers. What
 * cannot be read, `undefined`, is not remembered.
 */
export function remembering<Meaning>(
  read: (text: string) => Meaning | undefined,
): (text: string) => Meaning | undefined {
  const known = new Map<string, Meaning>()
  return (text) => known.get(text) ?? (text.length > MAX_LENGTH ? read(text) : remember(detached(text)))

  function remember(text: string): Meaning | undefined {
    const meaning = read(text)
    if (meaning === undefined) return undefined
    if (known.size >= MAX_REMEMBERED) known.clear()
    known.set(text, meaning)
    return meaning
  }
}
