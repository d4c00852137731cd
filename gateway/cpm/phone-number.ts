import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max'
import { withoutSeparators } from './uri.js'

const e164 = /^\+[1-9]\d{6,14}$/
const callingCode = /^\+[1-9]\d{0,2}$/
const local = /^[\d*#]{1,32}$/

/** Whether the text has the shape of an E.164 number: `+`, no leading zero, 7 to 15 digits. Whether it is assigned is not asked. */
export const isE164 = (text: string): boolean => e164.test(text)

/** Digits, `*` and `#`: a number that means something in its network only, a short code for one. */
export const isLocalNumber = (text: string): boolean => local.test(text)

/**
 * `+` and digits of a number dialled without `+`, or undefined when it is no valid number there (a short code, for one).
 * `context` is the phone-context of RFC 3966; a country code in it goes before `defaultCountry` (ISO 3166).
 */
export function nationalToE164(
  number: string,
  context: string | undefined,
  defaultCountry: string | undefined,
): string | undefined {
  if (!/^\d{5,20}$/.test(number)) return undefined
  const prefix = withoutSeparators(context ?? '')
  if (callingCode.test(prefix)) return valid(number, { defaultCallingCode: prefix.slice(1) })
  if (prefix.startsWith('+') || defaultCountry === undefined || !isSupportedCountry(defaultCountry)) return undefined
  return valid(number, { defaultCountry })
}

function valid(number: string, options: Parameters<typeof parsePhoneNumberFromString>[1]): string | undefined {
  const parsed = parsePhoneNumberFromString(number, options)
  // Only valid ones: a short code would otherwise become a long number that belongs to somebody else or to nobody.
  return parsed?.isValid() && isE164(parsed.number) ? parsed.number : undefined
}
