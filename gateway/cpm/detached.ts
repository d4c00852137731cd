/** A longer one is most of its message anyway. */
const LONG = 4_096

/** The text by itself: cut out of a message, it would keep all of that in memory as long as itself. */
export const detached = (text: string): string => (text.length > LONG ? text : Buffer.from(text).toString())
