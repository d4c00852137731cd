/** How the message id of a receipt relates to that of the answer, as the profile of the peer says. */
export type MessageIdForm = 'exact' | 'auto' | 'respHex-receiptDec' | 'respDec-receiptHex'

const DECIMAL = /^\d+$/
const HEXADECIMAL = /^[0-9a-f]+$/i
/** Ids longer than this are no numbers (128 bits have 39 decimal digits). */
const MOST_DIGITS = 40

/** Keys to store a message under at submit time, the id as the answer gave it first; none when it gave none. */
export function messageIdKeys(id: string, form: MessageIdForm = 'auto'): string[] {
  if (id === '') return []
  const normal = form === 'exact' ? id : normalise(id)
  return normal === id ? [id] : [id, normal]
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
      return { keys: distinct([toHexadecimal(id), ...same]), converted: [] }
    case 'respDec-receiptHex':
      return { keys: distinct([toDecimal(id), ...same]), converted: [] }
    case 'auto':
      return { keys: same, converted: distinct([toHexadecimal(id), toDecimal(id)], same) }
  }
}

/** Letter case and leading zeros differ between answer and receipt at some peers. */
function normalise(id: string): string {
  return id.toLowerCase().replace(/^0+(?=.)/, '')
}

function toHexadecimal(id: string): string | undefined {
  return DECIMAL.test(id) && id.length <= MOST_DIGITS ? BigInt(id).toString(16) : undefined
}

function toDecimal(id: string): string | undefined {
  return HEXADECIMAL.test(id) && id.length <= MOST_DIGITS ? BigInt(`0x${id}`).toString() : undefined
}

/** Each key once, and none that is among `known`. */
function distinct(keys: readonly (string | undefined)[], known: readonly string[] = []): string[] {
  const found: string[] = []
  for (const key of keys) {
    if (key !== undefined && !known.includes(key) && !found.includes(key)) found.push(key)
  }
  return found
}
