import type { Pdu } from '../wire/types.js'
import type { Submitted } from './smsc.js'

const INVALID_ID = 0x0c

/** Short messages the centre has and no handset yet: those can be cancelled and replaced. */
export interface Held {
  add(submitted: Submitted, cancelled: () => void): void
  /** Goes to its handset now; false when it was cancelled before. */
  release(id: string): boolean
  /** command_status of the answer. */
  ask(pdu: Pdu<'cancel_sm' | 'replace_sm'>): number
}

export function createHeld(most: () => number, replaced: (submitted: Submitted, octets: Buffer) => void): Held {
  const held = new Map<string, { readonly submitted: Submitted; readonly cancelled: () => void }>()
  return {
    add(submitted, cancelled) {
      held.set(submitted.id, { submitted, cancelled })
      const [oldest] = held.keys()
      if (held.size > most() && oldest !== undefined) held.delete(oldest)
    },
    release: (id) => held.delete(id),
    ask({ command, fields }) {
      const entry = held.get(fields.message_id)
      if (entry === undefined || entry.submitted.from !== fields.source_addr) return INVALID_ID
      if (command === 'replace_sm') replaced(entry.submitted, fields.short_message)
      else {
        held.delete(fields.message_id)
        entry.cancelled()
      }
      return 0
    },
  }
}
