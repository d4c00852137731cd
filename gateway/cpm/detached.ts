/** The text by itself: cut out of a message, it would keep all of that in memory as long as itself. */
export const detached = (text: string): string => Buffer.from(text).toString()
