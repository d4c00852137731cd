/** How the message id of a receipt relates to that of the answer, as the profile of the peer says. */
export type MessageIdForm = 'exact' | 'auto' | 'respHex-receiptDec' | 'respDec-receiptHex'

const DECIMAL = /^\d+$/
const HEXADECIMAL = /^[0-9a-f]+$/i
/** Ids longer than this are no numbers (128 bits have 39 decimal digits). */
const MOST_DIGITS = 40

/** Keys to store a message under at submit time, the id as the answer gave it first; none when it gave none. */
export function messageIdKeys(id: string, form: MessageIdForm = 'auto'): string[] {
  if (id === '') return []
  return form === 'exact' ? [id] : distinct([id, normalise(id)])
}

/**
 * Keys to look for when a receipt names this id. `converted` may belong to another message, since a number can be read
 * in two bases; a profile that fixes the bases leaves no such doubt.
 */
export function receiptKeys(id: string, form: MessageIdForm = 'auto'): { keys: string[]; converted: string[] } {
  if (id === '') return { keys: [], converted: [] }
  const same = messageIdKeys(id, form)
  switch (form) {
    case 'exact':
      return { keys: same, converted: [] }
    case 'respHex-receiptDec':
      return { keys: distinct([...toHexadecimal(id), ...same]), converted: [] }
    case 'respDec-receiptHex':
      return { keys: distinct([...toDecimal(id), ...same]), converted: [] }
    case 'auto': {
      const converted = distinct([...toHexadecimal(id), ...toDecimal(id)])
      return { keys: same, converted: converted.filter((key) => !same.includes(key)) }
    }
  }
}

/** Letter case and leading zeros differ between answer and receipt at some peers. */
function normalise(id: string): string {
  return id.toLowerCase().replace(/^0+(?=.)/, '')
}

function toHexadecimal(id: string): string[] {
  return DECIMAL.test(id) && id.length <= MOST_DIGITS ? [BigInt(id).toString(16)] : []
}

function toDecimal(id: string): string[] {
  return HEXADECIMAL.test(id) && id.length <= MOST_DIGITS ? [BigInt(`0x${id}`).toString()] : []
}

function distinct(keys: readonly string[]): string[] {
  return keys.filter((key, index) => keys.indexOf(key) === index)
}
