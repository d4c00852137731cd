/**
 * What our server does otherwise than the recorded one, and why. Of every file all else is compared. For all files:
 * times, ids, tags, branches, ports and numbers differ; retransmissions follow RFC 3261's timers; `rport` and
 * `received` follow RFC 3581; a To made by the server has brackets; what is given to a client has a Content-Length;
 * the protocol of a frame is told where the recorded server had forgotten it.
 */
export interface Difference {
  /** Number of the record; with `extra` that after which it comes. */
  readonly at?: number
  /**
   * absent: our server says nothing. unsaid: the step answered what does not come here. other: our server says
   * `start`. changed: the parts `what` differ. extra: it says `start` besides, on the channel `on`. late: it comes
   * up to `ms` later. peerCloses: the peer closes its connection before the step.
   */
  readonly here: 'absent' | 'unsaid' | 'other' | 'changed' | 'extra' | 'late' | 'peerCloses'
  readonly on?: string
  readonly start?: RegExp
  readonly what?: RegExp
  readonly ms?: number
  readonly why: string
}

const CONTACT_REFRESHES =
  'a request that refreshes the target, and its 2xx, carry Contact (RFC 3311 §5.1, RFC 6665 §4.2.2)'
const ACK_URI = 'the ACK has the Request-URI of its INVITE (RFC 3261 §17.1.1.3)'
const REASONS = 'the reason phrase says what is wrong'
const REFRESHED =
  'the Contact of a re-INVITE and of the 2xx to an UPDATE is the new remote target (RFC 3261 §12.2.1.2, RFC 3311 §5.1)'
const NO_SECRET = 'nothing is obeyed before authentication'
const FORKED = 'each forked 2xx is acknowledged, and the surplus dialog ended (RFC 3261 §13.2.2.4)'
const STRICT = 'a strict router is the next hop (RFC 3261 §12.2.1.1)'
const LIVES = 'a tel: Request-URI with a next hop is sent on'
const MERGED = 'a merged request gets 482 (RFC 3261 §8.2.2.2)'
const OLD_CSEQ = 'a lower CSeq in a dialog gets 500 (RFC 3261 §12.2.2)'
const NUL = 'a NUL is an octet like others, both ways'
const LAST_NOTIFY = 'the answer of the application to the last NOTIFY is sent'
const RECONNECTS = 'where its connection is gone, an answer goes to the port of the Via (RFC 3261 §18.2.2)'
const UNKNOWN_SCHEME = 'a scheme nobody routes gets 416 (RFC 3261 §8.2.2.1)'
const NOT_OURS = 'Content-Type and Expires are for the application to judge'
const NO_DIALOG = 'a To tag of no dialog gets 481 (RFC 3261 §12.2.2)'
const NOT_IMPLEMENTED = 'an unknown method gets 501 (RFC 3261 §21.5.2)'

export const DIFFERENCES: Readonly<Record<string, readonly Difference[]>> = {
  'client-disconnect': [
    {
      here: 'extra',
      on: 'sip-udp',
      start: /^SIP\/2.0 503/,
      why: 'what the lost client has not answered is refused at once',
    },
    {
      here: 'extra',
      on: 'sip-udp',
      start: /^SIP\/2.0 480/,
      why: 'a request in a dialog of a lost client is refused at once',
    },
    { at: 28, here: 'absent', why: 'the INFO has been refused before' },
  ],
  'content-type-and-refused-reinvite': [
    { at: 32, here: 'other', start: /\|NOK\|Server error: ACK for non-success/, why: 'the same' },
    { at: 31, here: 'absent', why: 'a second ACK of a refused re-INVITE goes nowhere (RFC 3261 §17.1.1.3)' },
  ],
  'invite-in-cancel-race-200': [
    {
      at: 14,
      here: 'other',
      start: /^SIP\/2.0 200 OK/,
      why: 'a CANCEL that finds its INVITE answered gets 200 (RFC 3261 §9.2)',
    },
  ],
  'client-never-answers': [
    { here: 'extra', on: 'sip-udp', start: /^SIP\/2.0 480/, why: 'an INVITE nobody answers ends after 64*T1' },
    { here: 'extra', on: 'ctl1', start: /sip\|network\|0\|/, why: 'and the client is told' },
  ],
  'control-protocol-errors': [
    { at: 4, here: 'other', start: /\|NO\|not authenticated$/, why: NO_SECRET },
    { at: 5, here: 'unsaid', why: NO_SECRET },
    { at: 6, here: 'absent', why: NO_SECRET },
  ],
  'crash-tel-request-uri': [
    { at: 6, here: 'absent', why: LIVES },
    { here: 'extra', on: 'ctl1', start: /\|OK\|application\|.* MESSAGE tel:/, why: LIVES },
    { here: 'extra', on: 'ctl2', start: /\|OK\|/, why: LIVES },
  ],
  'invite-out-forked-200': [
    { at: 21, here: 'other', start: /^ACK sip:f2@/, why: FORKED },
    { here: 'extra', on: 'sip-udp', start: /^BYE sip:f2@/, why: FORKED },
  ],
  'malformed-in': [
    ...[23, 27, 31, 85].map((at) => ({ at, here: 'other' as const, start: /^SIP\/2.0 400 /, why: REASONS })),
    { at: 64, here: 'absent', why: UNKNOWN_SCHEME },
    { at: 65, here: 'unsaid', why: UNKNOWN_SCHEME },
    { at: 66, here: 'other', start: /^SIP\/2.0 416 /, why: UNKNOWN_SCHEME },
    { at: 67, here: 'absent', why: UNKNOWN_SCHEME },
    ...[109, 117].map((at) => ({ at, here: 'extra' as const, on: 'ctl1', start: /\|sip\|network\|/, why: NOT_OURS })),
    ...[110, 118].map((at) => ({ at, here: 'absent' as const, why: NOT_OURS })),
    { at: 122, here: 'other', start: /^SIP\/2.0 400 /, why: REASONS },
    { at: 126, here: 'absent', why: NO_DIALOG },
    { at: 127, here: 'unsaid', why: NO_DIALOG },
    { at: 128, here: 'other', start: /^SIP\/2.0 481 /, why: NO_DIALOG },
    { at: 129, here: 'absent', why: NO_DIALOG },
    { at: 163, here: 'absent', why: 'a refusal that comes at once needs no 100 before it (RFC 3261 §17.2.1)' },
    { here: 'extra', on: 'sip-udp', start: /^SIP\/2.0 501 /, why: NOT_IMPLEMENTED },
    { here: 'extra', on: 'sip-udp', start: /^SIP\/2.0 501 /, why: 'method names are case-sensitive (RFC 3261 §7.1)' },
  ],
  'merged-and-cseq': [
    { here: 'extra', on: 'sip-udp', start: /^SIP\/2.0 482 /, why: MERGED },
    { at: 20, here: 'absent', why: MERGED },
    { at: 23, here: 'unsaid', why: MERGED },
    { at: 26, here: 'absent', why: MERGED },
    { at: 27, here: 'absent', why: MERGED },
    { at: 35, here: 'absent', why: OLD_CSEQ },
    { at: 37, here: 'unsaid', why: OLD_CSEQ },
    { at: 38, here: 'other', start: /^SIP\/2.0 500 /, why: OLD_CSEQ },
    { at: 41, here: 'absent', why: OLD_CSEQ },
  ],
  'message-binary': [
    { at: 12, here: 'extra', on: 'ctl1', start: /\|sip\|network\|.* MESSAGE sip:/, why: NUL },
    { at: 14, here: 'absent', why: NUL },
    ...[16, 18].map((at) => ({ at, here: 'changed' as const, what: /^(Content-Length|body)/, why: NUL })),
  ],
  'request-header-handling': [6, 8].map((at) => ({
    at,
    here: 'changed' as const,
    what: /^route/,
    why: 'an application may keep the route set of a dialog by itself',
  })),
  'route-set-uac': [
    ...[33, 36].map((at) => ({ at, here: 'changed' as const, what: /^token [57]/, why: STRICT })),
    { at: 32, here: 'extra', on: 'sip-udp 5183', start: /^ACK /, why: STRICT },
    { at: 35, here: 'extra', on: 'sip-udp 5183', start: /^BYE /, why: STRICT },
    { at: 37, here: 'absent', why: STRICT },
  ],
  'route-set-uas': [
    ...[25, 27].map((at) => ({
      at,
      here: 'changed' as const,
      what: /^record-route/,
      why: 'the route set of a dialog does not change (RFC 3261 §12.2), so that its answers need no Record-Route',
    })),
    ...[30, 32].map((at) => ({ at, here: 'changed' as const, what: /^start line/, why: REFRESHED })),
  ],
  'subscribe-out-notify': [
    { at: 25, here: 'absent', why: LAST_NOTIFY },
    { at: 28, here: 'other', start: /\|OK\|application\|.* SIP\/2.0 200/, why: LAST_NOTIFY },
    { at: 27, here: 'extra', on: 'sip-udp', start: /^SIP\/2.0 200 OK/, why: LAST_NOTIFY },
  ],
  'tcp-stream-handling': [
    { at: 31, here: 'peerCloses', why: 'the recorded peer did so between 30 and 31' },
    { at: 32, here: 'other', start: /\|OK\|application\|/, why: RECONNECTS },
    { at: 31, here: 'extra', on: 'sip-tcp', start: /^SIP\/2.0 200 OK/, why: RECONNECTS },
    { at: 37, here: 'other', start: /^SIP\/2.0 400 /, why: REASONS },
  ],
  'update-in-dialog': [
    ...[19, 21, 27, 29].map((at) => ({ at, here: 'changed' as const, what: /^contact/, why: CONTACT_REFRESHES })),
    ...[33, 35, 39, 41].map((at) => ({ at, here: 'changed' as const, what: /^start line/, why: REFRESHED })),
  ],
  'proxy-cancel': [{ at: 22, here: 'changed', what: /^start line/, why: ACK_URI }],
  'proxy-fork-simultaneous': [{ at: 27, here: 'changed', what: /^start line/, why: ACK_URI }],
  'proxy-invite-serial-two': [{ at: 14, here: 'changed', what: /^start line/, why: ACK_URI }],
  'reinvite-out': [27, 29].map((at) => ({ at, here: 'changed', what: /^contact/, why: 'a refusal needs no Contact' })),
  'refer-in-dialog': [20, 21, 22, 24].map((at) => ({ at, here: 'changed', what: /^contact/, why: CONTACT_REFRESHES })),
  'refer-in-out-of-dialog': [
    { here: 'extra', on: 'ctl1', start: /sip\|network\|.* REFER sip:/, why: 'REFER outside a dialog is delivered' },
  ],
  'remove-route-quirk': [
    { at: 12, here: 'absent', why: 'only the route named is removed, so that the request is delivered' },
    { here: 'extra', on: 'ctl1', start: /sip\|network\|.* OPTIONS sip:/, why: 'only the route named is removed' },
  ],
  'session-timer-uac-refresh': [
    { at: 18, here: 'late', ms: 6_000, why: 'refreshed at half the interval exactly (RFC 4028 §7.2)' },
  ],
  'subscribe-in-notify': [14, 16, 32, 34].map((at) => ({
    at,
    here: 'changed',
    what: /^contact/,
    why: CONTACT_REFRESHES,
  })),
  'via-received-rport': [
    {
      at: 11,
      here: 'absent',
      why: 'without rport the answer goes to the port of the Via (RFC 3581 §4), where nobody is',
    },
    { at: 13, here: 'changed', what: /^token 8/, why: 'the same' },
  ],
}
