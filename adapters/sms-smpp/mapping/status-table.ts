import type { FailureReason } from '../../../gateway/cpm/failure.js'

/**
 * - throttle: the peer wants fewer. temporary: later again, temporary-limited: but not often.
 * - permanent: for good. service: for good here, another service may do. protocol: for good, and the fault is ours.
 * - bind: concerns the link.
 */
export type StatusClass =
  | 'ok'
  | 'throttle'
  | 'temporary'
  | 'temporary-limited'
  | 'permanent'
  | 'service'
  | 'protocol'
  | 'bind'

/** command_status values (SMPP 3.4 §5.1.3, 5.0 §4.7.6). Those without a reason never answer a submit. */
export const STATUSES: readonly (readonly [
  code: number,
  name: string,
  statusClass: StatusClass,
  reason?: FailureReason,
])[] = [
  [0x00, 'ESME_ROK', 'ok'],
  [0x01, 'ESME_RINVMSGLEN', 'permanent', 'too-large'],
  [0x02, 'ESME_RINVCMDLEN', 'protocol', 'malformed'],
  [0x03, 'ESME_RINVCMDID', 'protocol', 'service-unsupported'],
  [0x04, 'ESME_RINVBNDSTS', 'temporary', 'service-unavailable'],
  [0x05, 'ESME_RALYBND', 'bind', 'service-unavailable'],
  [0x06, 'ESME_RINVPRTFLG', 'permanent', 'malformed'],
  [0x07, 'ESME_RINVREGDLVFLG', 'permanent', 'malformed'],
  [0x08, 'ESME_RSYSERR', 'temporary', 'service-unavailable'],
  [0x0a, 'ESME_RINVSRCADR', 'service', 'sender-not-allowed'],
  [0x0b, 'ESME_RINVDSTADR', 'permanent', 'unknown-recipient'],
  [0x0c, 'ESME_RINVMSGID', 'permanent'],
  [0x0d, 'ESME_RBINDFAIL', 'bind', 'service-unavailable'],
  [0x0e, 'ESME_RINVPASWD', 'bind', 'service-unavailable'],
  [0x0f, 'ESME_RINVSYSID', 'bind', 'service-unavailable'],
  [0x11, 'ESME_RCANCELFAIL', 'permanent'],
  [0x13, 'ESME_RREPLACEFAIL', 'permanent'],
  [0x14, 'ESME_RMSGQFUL', 'throttle', 'busy'],
  [0x15, 'ESME_RINVSERTYP', 'service', 'sender-not-allowed'],
  [0x33, 'ESME_RINVNUMDESTS', 'permanent', 'malformed'],
  [0x34, 'ESME_RINVDLNAME', 'permanent', 'malformed'],
  [0x40, 'ESME_RINVDESTFLAG', 'permanent', 'malformed'],
  [0x42, 'ESME_RINVSUBREP', 'permanent', 'malformed'],
  [0x43, 'ESME_RINVESMCLASS', 'permanent', 'malformed'],
  [0x44, 'ESME_RCNTSUBDL', 'permanent', 'malformed'],
  [0x45, 'ESME_RSUBMITFAIL', 'temporary-limited', 'service-unavailable'],
  [0x48, 'ESME_RINVSRCTON', 'service', 'sender-not-allowed'],
  [0x49, 'ESME_RINVSRCNPI', 'service', 'sender-not-allowed'],
  [0x50, 'ESME_RINVDSTTON', 'service', 'address-invalid'],
  [0x51, 'ESME_RINVDSTNPI', 'service', 'address-invalid'],
  [0x53, 'ESME_RINVSYSTYP', 'bind', 'service-unavailable'],
  [0x54, 'ESME_RINVREPFLAG', 'permanent', 'malformed'],
  [0x55, 'ESME_RINVNUMMSGS', 'permanent', 'malformed'],
  [0x58, 'ESME_RTHROTTLED', 'throttle', 'throttled'],
  [0x61, 'ESME_RINVSCHED', 'permanent', 'malformed'],
  [0x62, 'ESME_RINVEXPIRY', 'permanent', 'malformed'],
  [0x63, 'ESME_RINVDFTMSGID', 'permanent', 'malformed'],
  [0x64, 'ESME_RX_T_APPN', 'temporary', 'recipient-unavailable'],
  [0x65, 'ESME_RX_P_APPN', 'permanent', 'refused-by-recipient'],
  [0x66, 'ESME_RX_R_APPN', 'permanent', 'refused-by-recipient'],
  [0x67, 'ESME_RQUERYFAIL', 'permanent'],
  [0xc0, 'ESME_RINVOPTPARSTREAM', 'protocol', 'malformed'],
  [0xc1, 'ESME_ROPTPARNOTALLWD', 'protocol', 'malformed'],
  [0xc2, 'ESME_RINVPARLEN', 'protocol', 'malformed'],
  [0xc3, 'ESME_RMISSINGOPTPARAM', 'protocol', 'malformed'],
  [0xc4, 'ESME_RINVOPTPARAMVAL', 'protocol', 'malformed'],
  [0xfe, 'ESME_RDELIVERYFAILURE', 'permanent', 'refused-by-recipient'],
  [0xff, 'ESME_RUNKNOWNERR', 'temporary-limited', 'service-unavailable'],
  [0x100, 'ESME_RSERTYPUNAUTH', 'service', 'sender-not-allowed'],
  [0x101, 'ESME_RPROHIBITED', 'service', 'sender-not-allowed'],
  [0x102, 'ESME_RSERTYPUNAVAIL', 'temporary', 'recipient-unavailable'],
  [0x103, 'ESME_RSERTYPDENIED', 'service', 'sender-not-allowed'],
  [0x104, 'ESME_RINVDCS', 'permanent', 'content-unsupported'],
  [0x105, 'ESME_RINVSRCADDRSUBUNIT', 'permanent', 'malformed'],
  [0x106, 'ESME_RINVDSTADDRSUBUNIT', 'permanent', 'malformed'],
  [0x107, 'ESME_RINVBCASTFREQINT', 'permanent'],
  [0x108, 'ESME_RINVBCASTALIAS_NAME', 'permanent'],
  [0x109, 'ESME_RINVBCASTAREAFMT', 'permanent'],
  [0x10a, 'ESME_RINVNUMBCAST_AREAS', 'permanent'],
  [0x10b, 'ESME_RINVBCASTCNTTYPE', 'permanent'],
  [0x10c, 'ESME_RINVBCASTMSGCLASS', 'permanent'],
  [0x10d, 'ESME_RBCASTFAIL', 'permanent'],
  [0x10e, 'ESME_RBCASTQUERYFAIL', 'permanent'],
  [0x10f, 'ESME_RBCASTCANCELFAIL', 'permanent'],
  [0x110, 'ESME_RINVBCAST_REP', 'permanent'],
  [0x111, 'ESME_RINVBCASTSRVGRP', 'permanent'],
  [0x112, 'ESME_RINVBCASTCHANIND', 'permanent'],
]
