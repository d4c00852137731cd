/** The text by itself: cut out of a message, it would keep all of that in memory as long as itself. */
export function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}
