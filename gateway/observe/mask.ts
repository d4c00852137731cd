/** What is hidden of a number in international form, in a tel or sip URI, or in a field that holds an address: the three digits before its last four. */
const MIDDLE = /\d{3}(?=\d{4}(?!\d))(?<=(?:\+|\b(?:tel|sips?):|_addr["=: ]+)\d{0,8}\d{3})/g

/** Hides the middle of telephone numbers (7 to 15 digits): `+12065550100` becomes `+1206***0100`. */
export function maskNumbers(text: string): string {
  return text.replace(MIDDLE, '***')
}

/** The policy of `observe.maskNumbers`. */
export const createMask = (enabled: boolean): ((text: string) => string) => (enabled ? maskNumbers : (text) => text)
