/** SMPP 3.4 §5.1.2.1 command names this side knows; answers are the name with `_resp`. */
export type Command = keyof FieldsOf

/** submit_sm and deliver_sm share one layout (SMPP 3.4 §4.4.1, §4.6.1). C-octet strings are read as Latin-1. */
export interface ShortMessage {
  readonly service_type: string
  readonly source_addr_ton: number
  readonly source_addr_npi: number
  readonly source_addr: string
  readonly dest_addr_ton: number
  readonly dest_addr_npi: number
  readonly destination_addr: string
  readonly esm_class: number
  readonly protocol_id: number
  readonly priority_flag: number
  readonly schedule_delivery_time: string
  readonly validity_period: string
  readonly registered_delivery: number
  readonly replace_if_present_flag: number
  readonly data_coding: number
  readonly sm_default_msg_id: number
  readonly short_message: Buffer
}

export interface DataMessage {
  readonly service_type: string
  readonly source_addr_ton: number
  readonly source_addr_npi: number
  readonly source_addr: string
  readonly dest_addr_ton: number
  readonly dest_addr_npi: number
  readonly destination_addr: string
  readonly esm_class: number
  readonly registered_delivery: number
  readonly data_coding: number
}

export interface Bind {
  readonly system_id: string
  readonly password: string
  readonly system_type: string
  readonly interface_version: number
  readonly addr_ton: number
  readonly addr_npi: number
  readonly address_range: string
}

type Empty = Readonly<Record<never, never>>
type MessageIdOnly = { readonly message_id: string }
type SystemIdOnly = { readonly system_id: string }

/** Mandatory fields by command, in the standard's names. */
export interface FieldsOf {
  bind_receiver: Bind
  bind_transmitter: Bind
  bind_transceiver: Bind
  bind_receiver_resp: SystemIdOnly
  bind_transmitter_resp: SystemIdOnly
  bind_transceiver_resp: SystemIdOnly
  outbind: { readonly system_id: string; readonly password: string }
  unbind: Empty
  unbind_resp: Empty
  enquire_link: Empty
  enquire_link_resp: Empty
  generic_nack: Empty
  submit_sm: ShortMessage
  submit_sm_resp: MessageIdOnly
  deliver_sm: ShortMessage
  deliver_sm_resp: MessageIdOnly
  data_sm: DataMessage
  data_sm_resp: MessageIdOnly
  query_sm: {
    readonly message_id: string
    readonly source_addr_ton: number
    readonly source_addr_npi: number
    readonly source_addr: string
  }
  query_sm_resp: {
    readonly message_id: string
    readonly final_date: string
    readonly message_state: number
    readonly error_code: number
  }
  cancel_sm: {
    readonly service_type: string
    readonly message_id: string
    readonly source_addr_ton: number
    readonly source_addr_npi: number
    readonly source_addr: string
    readonly dest_addr_ton: number
    readonly dest_addr_npi: number
    readonly destination_addr: string
  }
  cancel_sm_resp: Empty
  replace_sm: {
    readonly message_id: string
    readonly source_addr_ton: number
    readonly source_addr_npi: number
    readonly source_addr: string
    readonly schedule_delivery_time: string
    readonly validity_period: string
    readonly registered_delivery: number
    readonly sm_default_msg_id: number
    readonly short_message: Buffer
  }
  replace_sm_resp: Empty
  alert_notification: {
    readonly source_addr_ton: number
    readonly source_addr_npi: number
    readonly source_addr: string
    readonly esme_addr_ton: number
    readonly esme_addr_npi: number
    readonly esme_addr: string
  }
}

/** One optional parameter, raw; tlv.ts reads and writes values. */
export interface Tlv {
  readonly tag: number
  readonly value: Buffer
}

/** A PDU of one command, or (without argument) of any, told apart by `command`. */
export type Pdu<C extends Command = Command> = {
  [K in C]: {
    readonly command: K
    readonly status: number
    readonly sequence: number
    readonly fields: FieldsOf[K]
    readonly tlvs: readonly Tlv[]
    /** Borderline things that were let pass, by the counter's name (`trailing_octets`, `tlv_invalid` …). */
    readonly oddities: readonly string[]
  }
}[C]

/** A PDU that cannot be taken. `answer` is what the standard wants said, if anything. */
export interface PduFault {
  readonly fault: string
  readonly commandId: number
  readonly sequence: number
  readonly answer: { readonly command: Command; readonly status: number } | undefined
}
