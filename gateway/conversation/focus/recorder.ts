/** What happens in group sessions, for counters. dropped: a member that did not take what the others said. */
export type FocusEvent =
  | 'begun'
  | 'revived'
  | 'ended'
  | 'refused'
  | 'joined'
  | 'left'
  | 'removed'
  | 'dropped'
  | 'message'
  | 'message-refused'
  | 'copy-unsuited'
  | 'copy-failed'

export interface FocusRecorder {
  count(event: FocusEvent): void
}
