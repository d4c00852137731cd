import type { HeaderField } from '../../sip-server/message/message.js'
import { parseHead } from '../../sip-server/message/parse.js'
import type { SipHeaders } from '../headers.js'

/** The server has judged the message by limits of its own. */
const LIMITS = { maxHeadBytes: Number.MAX_SAFE_INTEGER, maxMessageBytes: Number.MAX_SAFE_INTEGER, maxHeaders: 512 }

/** The headers of a start line and header lines, read when the first of them is asked for. Lines that are none are passed over. */
export function lazyHeaders(head: string): SipHeaders {
  let fields: readonly HeaderField[] | undefined
  function get(name: string): string | undefined {
    fields ??= parseHead(head, LIMITS)?.message.headers ?? []
    let joined: string | undefined
    for (const { key, value } of fields) {
      if (key === name) joined = joined === undefined ? value : `${joined},${value}`
    }
    return joined
  }
  return { get, has: (name) => get(name) !== undefined }
}
