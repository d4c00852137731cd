import type { Command, FieldsOf } from './types.js'

/**
 * One mandatory field. `max` of a C-octet string counts the NUL; `tooLong` is the status that answers a longer one.
 * `message` is sm_length and short_message together.
 */
export type Row<Name extends string = string> =
  | { readonly name: Name; readonly kind: 'string'; readonly max: number; readonly tooLong: number }
  | { readonly name: Name; readonly kind: 'u8' }
  | { readonly name: Name; readonly kind: 'message' }

const RINVCMDLEN = 0x02

const u8 = <const N extends string>(name: N) => ({ name, kind: 'u8' }) as const
const string = <const N extends string>(name: N, max: number, tooLong = RINVCMDLEN) =>
  ({ name, kind: 'string', max, tooLong }) as const
const message = <const N extends string>(name: N) => ({ name, kind: 'message' }) as const

const serviceType = string('service_type', 6, 0x15)
const messageId = string('message_id', 65, 0x0c)
const systemId = string('system_id', 16, 0x0f)
const password = string('password', 9, 0x0e)
const source = (max: number) =>
  [u8('source_addr_ton'), u8('source_addr_npi'), string('source_addr', max, 0x0a)] as const
const destination = (max: number) =>
  [u8('dest_addr_ton'), u8('dest_addr_npi'), string('destination_addr', max, 0x0b)] as const
const times = [string('schedule_delivery_time', 17, 0x61), string('validity_period', 17, 0x62)] as const

const BIND = [
  systemId,
  password,
  string('system_type', 13, 0x53),
  u8('interface_version'),
  u8('addr_ton'),
  u8('addr_npi'),
  string('address_range', 41),
] as const

const SHORT_MESSAGE = [
  serviceType,
  ...source(21),
  ...destination(21),
  u8('esm_class'),
  u8('protocol_id'),
  u8('priority_flag'),
  ...times,
  u8('registered_delivery'),
  u8('replace_if_present_flag'),
  u8('data_coding'),
  u8('sm_default_msg_id'),
  message('short_message'),
] as const

/** Body of each command, field by field in wire order; reading and writing follow the same rows (SMPP 3.4 §4). */
export const LAYOUTS: { readonly [C in Command]: readonly Row<keyof FieldsOf[C] & string>[] } = {
  bind_receiver: BIND,
  bind_transmitter: BIND,
  bind_transceiver: BIND,
  bind_receiver_resp: [systemId],
  bind_transmitter_resp: [systemId],
  bind_transceiver_resp: [systemId],
  outbind: [systemId, password],
  unbind: [],
  unbind_resp: [],
  enquire_link: [],
  enquire_link_resp: [],
  generic_nack: [],
  submit_sm: SHORT_MESSAGE,
  submit_sm_resp: [messageId],
  deliver_sm: SHORT_MESSAGE,
  deliver_sm_resp: [messageId],
  data_sm: [
    serviceType,
    ...source(65),
    ...destination(65),
    u8('esm_class'),
    u8('registered_delivery'),
    u8('data_coding'),
  ],
  data_sm_resp: [messageId],
  query_sm: [messageId, ...source(21)],
  query_sm_resp: [messageId, string('final_date', 17), u8('message_state'), u8('error_code')],
  cancel_sm: [serviceType, messageId, ...source(21), ...destination(21)],
  cancel_sm_resp: [],
  replace_sm: [
    messageId,
    ...source(21),
    ...times,
    u8('registered_delivery'),
    u8('sm_default_msg_id'),
    message('short_message'),
  ],
  replace_sm_resp: [],
  alert_notification: [...source(65), u8('esme_addr_ton'), u8('esme_addr_npi'), string('esme_addr', 65)],
}

const RESP = 0x80000000

/** command_id by name (SMPP 3.4 §5.1.2.1). */
export const COMMAND_IDS: Readonly<Record<Command, number>> = {
  bind_receiver: 0x01,
  bind_transmitter: 0x02,
  query_sm: 0x03,
  submit_sm: 0x04,
  deliver_sm: 0x05,
  unbind: 0x06,
  replace_sm: 0x07,
  cancel_sm: 0x08,
  bind_transceiver: 0x09,
  outbind: 0x0b,
  enquire_link: 0x15,
  alert_notification: 0x102,
  data_sm: 0x103,
  generic_nack: RESP,
  bind_receiver_resp: RESP + 0x01,
  bind_transmitter_resp: RESP + 0x02,
  query_sm_resp: RESP + 0x03,
  submit_sm_resp: RESP + 0x04,
  deliver_sm_resp: RESP + 0x05,
  unbind_resp: RESP + 0x06,
  replace_sm_resp: RESP + 0x07,
  cancel_sm_resp: RESP + 0x08,
  bind_transceiver_resp: RESP + 0x09,
  enquire_link_resp: RESP + 0x15,
  data_sm_resp: RESP + 0x103,
}

const COMMAND_OF_ID = new Map<number, Command>(Object.entries(COMMAND_IDS).map(([name, id]) => [id, name as Command]))

/** The command with this id, if we know it. */
export function commandOf(id: number): Command | undefined {
  return COMMAND_OF_ID.get(id)
}

/** Whether an id is that of an answer (bit 31). */
export function isResponseId(id: number): boolean {
  return id >= RESP
}

/** The command that answers a request; undefined for answers and for requests without one (outbind, alert_notification). */
export function responseTo(command: Command): Command | undefined {
  const id = COMMAND_IDS[command]
  return isResponseId(id) ? undefined : commandOf(id + RESP)
}
