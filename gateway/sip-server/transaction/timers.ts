/** Timer values of RFC 3261 §17, milliseconds. */
export const T1_MS = 500
export const T2_MS = 4_000
export const T4_MS = 5_000
/** 64*T1: timers B, F, H, J, L and M, and the time an answer of the application is of use to anybody. */
export const TRANSACTION_MS = 64 * T1_MS
/** Timer C: an INVITE that rings longer than this is cancelled (RFC 3261 §16.6 item 11: more than three minutes). */
export const TIMER_C_MS = 185_000
/** Timer D of a transport that loses datagrams: the peer's timer H at least. */
export const TIMER_D_MS = 32_000
