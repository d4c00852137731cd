import type { Socket } from 'node:net'
import { type Connection, connectionOver } from '../bind/connection.js'
import { encodePdu, responseTo } from '../wire/pdu.js'
import { intTlv } from '../wire/tlv.js'
import type { Pdu } from '../wire/types.js'
import type { SmscSettings } from './options.js'
import type { Receiver } from './outbox.js'

const ROK = 0x00
const RINVBNDSTS = 0x04
const RINVPASWD = 0x0e
const RINVSYSID = 0x0f
const DELIVER_WINDOW = 100
const VERSIONS = { '3.4': 0x34, '5.0': 0x50 } as const

type BindRequest = Pdu<'bind_transceiver'> | Pdu<'bind_transmitter'> | Pdu<'bind_receiver'>

export interface ClientEvents {
  pdu(pdu: Pdu): void
  bound(): void
  submitted(pdu: Pdu<'submit_sm'>): void
  /** command_status of the answer. */
  asked(pdu: Pdu<'cancel_sm' | 'replace_sm'>): number
  places(): void
  gone(): void
}

/** One connection of a client (ESME) to the simulated centre. */
export interface Client extends Receiver {
  readonly kind: () => 'open' | 'transceiver' | 'transmitter' | 'receiver'
  readonly systemId: () => string
  write(bytes: Buffer): void
  answer(request: Pdu<'submit_sm'>, status: number, id: string): void
  sendOutbind(systemId: string, password: string): void
  unbind(): void
  cut(): void
}

export function serveClient(socket: Socket, settings: () => SmscSettings, events: ClientEvents): Client {
  let kind: ReturnType<Client['kind']> = 'open'
  let systemId = ''
  let sequence = 0
  let gone = false
  const waiting = new Map<number, (status: number | undefined) => void>()

  const nextSequence = () => {
    sequence = sequence === 0x7fffffff ? 1 : sequence + 1
    return sequence
  }

  const bind = (pdu: BindRequest) => {
    const { version, ...wanted } = settings()
    const status =
      kind !== 'open'
        ? 0x05
        : wanted.systemId !== undefined && wanted.systemId !== pdu.fields.system_id
          ? RINVSYSID
          : wanted.password !== undefined && wanted.password !== pdu.fields.password
            ? RINVPASWD
            : ROK
    const answer = responseTo(pdu.command)
    if (!answer) return
    if (status !== ROK) return connection.write(encodePdu(answer, status, pdu.sequence))
    const tlvs = version === 'none' ? [] : [intTlv('sc_interface_version', VERSIONS[version])]
    connection.write(encodePdu(answer, ROK, pdu.sequence, { system_id: 'SMSCSIM' }, tlvs))
    kind =
      pdu.command === 'bind_receiver' ? 'receiver' : pdu.command === 'bind_transmitter' ? 'transmitter' : 'transceiver'
    systemId = pdu.fields.system_id
    events.bound()
  }

  const receive = (pdu: Pdu) => {
    events.pdu(pdu)
    switch (pdu.command) {
      case 'bind_transceiver':
      case 'bind_transmitter':
      case 'bind_receiver':
        return bind(pdu)
      case 'submit_sm':
        if (kind === 'open' || kind === 'receiver') break
        return events.submitted(pdu)
      case 'cancel_sm':
      case 'replace_sm':
        if (kind === 'open' || kind === 'receiver') break
        return connection.write(encodePdu(`${pdu.command}_resp`, events.asked(pdu), pdu.sequence))
      case 'deliver_sm_resp':
      case 'generic_nack': {
        const answered = waiting.get(pdu.sequence)
        waiting.delete(pdu.sequence)
        answered?.(pdu.status)
        return events.places()
      }
      case 'enquire_link':
        return connection.write(encodePdu('enquire_link_resp', ROK, pdu.sequence))
      case 'unbind':
        connection.write(encodePdu('unbind_resp', ROK, pdu.sequence))
        return connection.end()
      case 'unbind_resp':
        return connection.end()
    }
    const answer = responseTo(pdu.command)
    if (answer) connection.write(encodePdu(answer, RINVBNDSTS, pdu.sequence))
  }

  const connection: Connection = connectionOver(socket, {
    pdu: receive,
    fault(fault) {
      if (fault.answer) connection.write(encodePdu(fault.answer.command, fault.answer.status, fault.sequence))
    },
    broken(_fault, answer) {
      if (answer) connection.write(encodePdu('generic_nack', answer.status, answer.sequence))
      connection.end()
    },
    closed() {
      gone = true
      for (const answered of waiting.values()) answered(undefined)
      waiting.clear()
      events.gone()
    },
  })

  return {
    kind: () => kind,
    systemId: () => systemId,
    write: connection.write,
    places: () => (gone || kind === 'open' || kind === 'transmitter' ? 0 : DELIVER_WINDOW - waiting.size),
    deliver(deliverable, answered) {
      const number = nextSequence()
      waiting.set(number, answered)
      connection.write(encodePdu('deliver_sm', ROK, number, deliverable.fields, deliverable.tlvs))
    },
    answer(request, status, id) {
      const fields = status === ROK ? { message_id: id } : undefined
      connection.write(encodePdu('submit_sm_resp', status, request.sequence, fields))
    },
    sendOutbind: (id, password) =>
      connection.write(encodePdu('outbind', ROK, nextSequence(), { system_id: id, password })),
    unbind: () => connection.write(encodePdu('unbind', ROK, nextSequence())),
    cut: connection.destroy,
  }
}
