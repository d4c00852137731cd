import type { SmsPart } from './to-sms.js'

/** Another way to send a message that a centre has refused as it was. */
export type Repair = 'no-tlvs' | 'ucs2' | 'shorter' | 'no-validity'

/** What the refusal blames, by command_status (SMPP 3.4 §5.1.3, 5.0 §4.7.6). */
const REPAIRS: ReadonlyMap<number, Repair> = new Map([
  [0x01, 'shorter'],
  [0x62, 'no-validity'],
  [0xc1, 'no-tlvs'],
  [0x104, 'ucs2'],
])

/** How to send a part that was refused with this status, once; undefined when no other way would help. */
export function repairFor(status: number, { fields, tlvs }: SmsPart): Repair | undefined {
  const repair = REPAIRS.get(status)
  switch (repair) {
    case 'shorter':
      // Some centres count an octet for each septet; and what stands in message_payload can be cut.
      return fields.data_coding === 0 || fields.short_message.length === 0 ? repair : undefined
    case 'ucs2':
      return fields.data_coding === 0 ? repair : undefined
    case 'no-tlvs':
      return tlvs.length > 0 ? repair : undefined
    case 'no-validity':
      return fields.validity_period === '' ? undefined : repair
    case undefined:
      return undefined
  }
}
