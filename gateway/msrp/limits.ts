import { HEAD_LIMITS, type HeadLimits } from './wire/head.js'

/** Bounds of what peers may take of us. Sizes in octets, times in milliseconds. */
export interface MsrpLimits extends HeadLimits {
  /** Connections, of both directions, and sessions of one endpoint. */
  readonly connections: number
  readonly sessions: number
  /** Connections that one source may have opened to us at once (an address; of IPv6 a /64). */
  readonly connectionsPerSource: number
  /** The largest message a session takes; what its a=max-size says. */
  readonly messageBytes: number
  /** Messages of one session that have begun and not ended. */
  readonly incompleteMessages: number
  /** Octets of one message that came before those they follow. */
  readonly earlyBytes: number
  /** Octets of one connection that nobody has read yet; above it, the peer is no longer read from. */
  readonly unreadBytes: number
  /** Messages of one connection whose last chunk waits for its answer; above it, the peer is no longer read from. */
  readonly unansweredMessages: number
  /** Messages, and octets of them, that wait to be sent in one session. */
  readonly queuedMessages: number
  readonly queuedBytes: number
  /** Octets after which a chunk of ours ends, even if nobody else wants to send. Some peers read a chunk as a whole. */
  readonly chunkBytes: number
  /** Chunks sent on one connection that wait for an answer. */
  readonly transactions: number
  /** How long an answer may take (RFC 4975 §7.1.1). */
  readonly transactionMs: number
  /** How long those who take a message may consider what to answer. */
  readonly verdictMs: number
  /** From the start of a session to its first request, and of a connection to its session. */
  readonly bindMs: number
  /** How long a peer may stand still within a chunk, leave its octets unread, or a reader of ours a body. */
  readonly stallMs: number
  /** How long the rest of a message may stay away. */
  readonly incompleteMs: number
  /** How long a REPORT may stay away. */
  readonly reportMs: number
}

export const MSRP_LIMITS: MsrpLimits = {
  ...HEAD_LIMITS,
  connections: 10_000,
  sessions: 20_000,
  connectionsPerSource: 1_000,
  messageBytes: 10 * 1024 * 1024,
  incompleteMessages: 16,
  earlyBytes: 128 * 1024,
  unreadBytes: 256 * 1024,
  unansweredMessages: 256,
  queuedMessages: 1000,
  queuedBytes: 16 * 1024 * 1024,
  chunkBytes: 2048,
  transactions: 10_000,
  transactionMs: 30_000,
  verdictMs: 25_000,
  bindMs: 30_000,
  stallMs: 30_000,
  incompleteMs: 540_000,
  reportMs: 300_000,
}
