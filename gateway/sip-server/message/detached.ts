const scratch = Buffer.allocUnsafeSlow(1024)

/** The text by itself: cut out of a message, it would keep all of that in memory as long as itself. */
export function detached(text: string): string {
  if (text.length > scratch.length) return Buffer.from(text, 'latin1').toString('latin1')
  return scratch.toString('latin1', 0, scratch.write(text, 'latin1'))
}
