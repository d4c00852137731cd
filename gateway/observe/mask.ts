/** A number in international form, in a tel or sip URI, or in a field that holds an address. */
const NUMBER = /(\+|\b(?:tel|sips?):|_addr["=: ]+)(\d{7,15})(?!\d)/g

/** Hides the middle of telephone numbers: `+12065550100` becomes `+1206***0100`. */
export function maskNumbers(text: string): string {
  return text.replace(NUMBER, (_, before: string, digits: string) => {
    const head = digits.slice(0, Math.max(0, digits.length - 7))
    return `${before}${head}***${digits.slice(-4)}`
  })
}

/** The policy of `observe.maskNumbers`. */
export const createMask = (enabled: boolean): ((text: string) => string) => (enabled ? maskNumbers : (text) => text)
