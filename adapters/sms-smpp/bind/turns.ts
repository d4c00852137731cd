/** Who may go next to a recipient to whom something had to wait, so that throttling does not change the order. */
export interface Turns {
  /** How long this message has to wait behind others to the same recipient, ms; 0: it may go. */
  wait(recipient: string, messageId: string, now: number): number
  /** The message was put off until `dueAt`. */
  defer(recipient: string, messageId: string, dueAt: number, now: number): void
  /** The message has its outcome. */
  settled(recipient: string, messageId: string, now: number): void
}

interface Line {
  readonly messageIds: string[]
  dueAt: number
  /** If the first has not come back by then, nobody waits for it any more. */
  until: number
}

const RECIPIENTS = 10_000
const LINE_LENGTH = 1000
const GRACE_MS = 10_000
const STEP_MS = 50

/** Bounded; what does not fit is not held back. */
export function createTurns(): Turns {
  const lines = new Map<string, Line>()

  const lineOf = (recipient: string, now: number): Line | undefined => {
    const line = lines.get(recipient)
    if (!line || line.until > now) return line
    lines.delete(recipient)
    return undefined
  }

  return {
    wait(recipient, messageId, now) {
      if (lines.size === 0) return 0
      const line = lineOf(recipient, now)
      if (!line || line.messageIds[0] === messageId) return 0
      let place = line.messageIds.indexOf(messageId)
      if (place < 0) {
        if (line.messageIds.length >= LINE_LENGTH) return 0
        place = line.messageIds.push(messageId) - 1
      }
      return Math.max(0, line.dueAt - now) + place * STEP_MS
    },
    defer(recipient, messageId, dueAt, now) {
      const line = lineOf(recipient, now)
      if (!line) {
        if (lines.size < RECIPIENTS) lines.set(recipient, { messageIds: [messageId], dueAt, until: dueAt + GRACE_MS })
        return
      }
      line.dueAt = Math.max(line.dueAt, dueAt)
      line.until = line.dueAt + GRACE_MS
      if (!line.messageIds.includes(messageId) && line.messageIds.length < LINE_LENGTH) line.messageIds.push(messageId)
    },
    settled(recipient, messageId, now) {
      if (lines.size === 0) return
      const line = lineOf(recipient, now)
      const place = line?.messageIds.indexOf(messageId) ?? -1
      if (!line || place < 0) return
      line.messageIds.splice(place, 1)
      line.until = now + GRACE_MS
      if (line.messageIds.length === 0) lines.delete(recipient)
    },
  }
}
