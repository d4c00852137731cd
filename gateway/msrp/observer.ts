/** What happened once, for counters. */
export type MsrpCount =
  | 'connection-opened'
  | 'connection-accepted'
  | 'connection-refused'
  | 'source-refused'
  | 'connection-failed'
  | 'connection-closed'
  | 'session-bound'
  | 'session-unknown'
  | 'session-bound-elsewhere'
  | 'session-not-bound'
  | 'certificate-unexpected'
  | 'message-sent'
  | 'message-not-sent'
  | 'message-received'
  | 'message-refused'
  | 'message-aborted'
  | 'message-incomplete'
  | 'chunk-interrupted'
  | 'request-malformed'
  | 'stream-unreadable'
  | 'peer-stalled'
  | 'peer-does-not-read'
  | 'reader-stalled'
  | 'relay-leased'
  | 'relay-lost'
  | 'relay-refused'
  | 'verdict-late'

export interface MsrpObserver {
  count(event: MsrpCount): void
  /** A handler threw: a fault of the program, not of the peer. */
  fault(error: unknown): void
}
