import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { createFramer } from '../../adapters/sms-smpp/wire/frame.js'
import { decodePdu, encodePdu, isFault } from '../../adapters/sms-smpp/wire/pdu.js'
import { intTlv } from '../../adapters/sms-smpp/wire/tlv.js'
import type { Command, FieldsOf, Pdu, Tlv } from '../../adapters/sms-smpp/wire/types.js'

/** A PDU that came in, with the octets it came as. */
export interface Heard {
  readonly pdu: Pdu
  readonly bytes: Buffer
  readonly link: number
}

/**
 * A message centre that says only what a test tells it to. It binds by itself and answers enquire_link; everything else
 * is heard in order by `next`.
 */
export interface Centre {
  readonly port: number
  /** The next PDU that is not about the link; of one command when given (others stay). */
  next<C extends Command>(command?: C): Promise<Heard & { readonly pdu: Pdu<C> }>
  /** Waits until so many links are bound. */
  bound(count: number): Promise<void>
  write(octets: Buffer | string, link?: number): void
  say<C extends Command>(
    command: C,
    status: number,
    sequence: number,
    fields?: FieldsOf[C],
    tlvs?: readonly Tlv[],
  ): void
  /** Resolves when the client has read all that was written. */
  read(link?: number): Promise<void>
  cut(link?: number): void
  /** Resolves when the client has closed a link. */
  gone(): Promise<void>
  links(): number
  close(): Promise<void>
}

export interface CentreSettings {
  /** command_status of bind answers. */
  readonly bindStatus?: number
  readonly version?: number
  /** Answers no bind. */
  readonly silent?: boolean
  /** Answers enquire_link; default true. */
  readonly answersEnquiry?: boolean
}

const LINK_COMMANDS: readonly Command[] = [
  'bind_receiver',
  'bind_transmitter',
  'bind_transceiver',
  'enquire_link',
  'enquire_link_resp',
]

/** Listens on a port of the system's choice. */
export async function startCentre(settings: CentreSettings = {}): Promise<Centre> {
  const sockets: Socket[] = []
  const heard: Heard[] = []
  const looking = new Set<() => void>()
  let bound = 0
  let gone = 0
  let enquiry = 1_000_000
  const seenAnswers = new Set<number>()

  const told = () => {
    for (const look of [...looking]) look()
  }
  const until = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve) => {
      const again = () => {
        const found = look()
        if (found === undefined) return
        looking.delete(again)
        resolve(found)
      }
      looking.add(again)
      again()
    })

  const onPdu = (bytes: Buffer, socket: Socket, link: number) => {
    const pdu = decodePdu(bytes)
    if (isFault(pdu)) throw new Error(`the client sent no SMPP: ${pdu.fault}`)
    const isBind =
      pdu.command === 'bind_transceiver' || pdu.command === 'bind_receiver' || pdu.command === 'bind_transmitter'
    if (isBind && !settings.silent) {
      const status = settings.bindStatus ?? 0
      const tlvs = settings.version === undefined ? [] : [intTlv('sc_interface_version', settings.version)]
      const fields = status === 0 ? { system_id: 'SMSC1' } : undefined
      socket.write(encodePdu(`${pdu.command}_resp`, status, pdu.sequence, fields, status === 0 ? tlvs : []))
      if (status === 0) bound += 1
    }
    if (pdu.command === 'enquire_link' && settings.answersEnquiry !== false) {
      socket.write(encodePdu('enquire_link_resp', 0, pdu.sequence))
    }
    if (pdu.command === 'enquire_link_resp') seenAnswers.add(pdu.sequence)
    heard.push({ pdu, bytes, link })
    told()
  }

  const server = createServer((socket) => {
    const link = sockets.push(socket) - 1
    const framer = createFramer()
    socket.on('error', () => {})
    socket.on('close', () => {
      gone += 1
      told()
    })
    socket.on('data', (chunk) => {
      for (const frame of framer.push(chunk)) if (frame.kind === 'pdu') onPdu(frame.bytes, socket, link)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const socketOf = (link: number) => sockets.at(link)

  const centre: Centre = {
    port: typeof address === 'object' && address ? address.port : 0,
    next<C extends Command>(command?: C) {
      return until(() => {
        const index = heard.findIndex(({ pdu }) =>
          command === undefined ? !LINK_COMMANDS.includes(pdu.command) : pdu.command === command,
        )
        return index < 0 ? undefined : heard.splice(index, 1)[0]
      }) as Promise<Heard & { readonly pdu: Pdu<C> }>
    },
    bound: (count) => until(() => (bound >= count ? true : undefined)).then(() => undefined),
    write: (octets, link = -1) =>
      void socketOf(link)?.write(typeof octets === 'string' ? Buffer.from(octets, 'hex') : octets),
    say: (command, status, sequence, fields, tlvs) => centre.write(encodePdu(command, status, sequence, fields, tlvs)),
    async read(link = -1) {
      enquiry += 1
      const sequence = enquiry
      centre.write(encodePdu('enquire_link', 0, sequence), link)
      await until(() => (seenAnswers.has(sequence) ? true : undefined))
    },
    cut: (link = -1) => void socketOf(link)?.resetAndDestroy(),
    gone() {
      const before = gone
      return until(() => (gone > before || sockets.every((socket) => socket.destroyed) ? true : undefined)).then(
        () => undefined,
      )
    },
    links: () => sockets.length,
    async close() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
  return centre
}
