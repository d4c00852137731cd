/** A longer one is most of its message anyway. */
const LONG = 4_096
const MOST_OCTETS_A_CHARACTER = 3
const scratch = Buffer.allocUnsafeSlow(LONG * MOST_OCTETS_A_CHARACTER)

/** The text by itself: cut out of a message, it would keep all of that in memory as long as itself. */
export const detached = (text: string): string =>
  text.length > LONG ? text : scratch.toString('utf8', 0, scratch.write(text))
