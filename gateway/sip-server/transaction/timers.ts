/** Timer values of RFC 3261 §17, milliseconds. */
export const T1_MS = 500
export const T2_MS = 4_000
export const T4_MS = 5_000
/** 64*T1: timers F and J, and the time an answer of the application is of use to anybody. */
export const TRANSACTION_MS = 64 * T1_MS
