/** Stations of a message, or of a session, that the trace knows. */
export const CHECKPOINTS = [
  'received',
  'refused',
  'routed',
  'stored',
  'attempted',
  'answered',
  'joined',
  'left',
  'retried',
  'recalled',
  'reported',
  'notified',
  'ended',
] as const

export type CheckpointName = (typeof CHECKPOINTS)[number]

/** What the caller says about one station of a message. */
export interface CheckpointNote {
  readonly what: CheckpointName
  /** Who is on the other side: `device sip:alice@…`, `sms`, `core`. Absent: it happened inside. */
  readonly peer?: string
  /** From the peer to the gateway (`in`) or to the peer (`out`); by default, `received`, `answered` and `reported` are `in`. */
  readonly direction?: 'in' | 'out'
  /** One line: the raw protocol line, redacted, or the reason of a decision. */
  readonly line: string
  /** Conversation-ID, so that a whole conversation can be read. */
  readonly conversation?: string
}

export interface Checkpoint extends CheckpointNote {
  /** imdn.Message-ID; of a session its Contribution-ID. */
  readonly messageId: string
  /** ms since 1970. */
  readonly at: number
  readonly node: string
}
