import { EventEmitter, once } from 'node:events'
import { connect, createServer as createTcpServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { type Clock, systemClock } from '../../../gateway/cpm/clock.js'
import { parseReceiptText } from '../mapping/receipt-text.js'
import { segment } from '../wire/segment.js'
import { intTlv, tlvInt } from '../wire/tlv.js'
import type { Pdu } from '../wire/types.js'
import { decodeUserData, readUserData } from '../wire/user-data.js'
import { type Client, serveClient } from './client.js'
import { createHeld } from './held.js'
import { type Fate, fateOf } from './magic.js'
import { type SmscOptions, type SmscSettings, smscOptionsSchema } from './options.js'
import { createOutbox } from './outbox.js'
import { EMPTY_MESSAGE, idsOf, receiptFor } from './receipts.js'

/** A short message the centre got; `id` as in its answer, `text` of this part only. */
export interface Submitted {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly text: string
  readonly status: number | 'silence' | 'cut'
  readonly pdu: Pdu<'submit_sm'>
}

/** A message of a handset to a client. */
export interface HandsetMessage {
  /** Digits, with + when international; letters make an alphanumeric sender. */
  readonly from: string
  readonly to: string
  readonly text: string
  /** Form of the parts of a long text. */
  readonly method?: 'udh8' | 'udh16' | 'sar' | 'payload'
  /** The handset wants to be told of the delivery, under this reference of its own. */
  readonly reference?: number
}

export interface SmscEvents {
  bind: [client: Client]
  submit: [submitted: Submitted]
  cancel: [submitted: Submitted]
  /** The text is the new one. */
  replace: [submitted: Submitted, text: string]
  /** A handset is told of the delivery of its message. */
  acknowledged: [reference: number | undefined, stat: string]
  pdu: [pdu: Pdu, client: Client]
  gone: [client: Client]
}

/** A simulated message centre. */
export interface Smsc {
  readonly port: number
  readonly events: EventEmitter<SmscEvents>
  /** The last ones, oldest first; at most `keep`. */
  readonly submits: readonly Submitted[]
  readonly counts: { readonly submits: number; readonly receipts: number; readonly delivers: number }
  clients(): readonly Client[]
  /** Sends a handset's message; resolves with the command_status of the last part's final answer. */
  deliver(message: HandsetMessage): Promise<number>
  /** Receipts and messages that wait for a link. */
  waiting(): number
  /** Writes octets as they are to the first link that receives. */
  raw(octets: Buffer): void
  /** Changes settings under way. */
  change(settings: Partial<SmscSettings>): void
  /** Decides the fate of messages from now on; default: the magic numbers. */
  decide(fate: (submitted: Pdu<'submit_sm'>) => Fate): void
  /** Breaks all connections without a word. */
  cut(): void
  /** Asks all clients to leave. */
  unbind(): void
  /** Connects to a client that listens for outbind. */
  outbind(host: string, port: number, systemId: string, password: string): void
  stop(): Promise<void>
}

/** Tries again after a temporary refusal. */
const RETRY_MS = 500
const ONCE_REMEMBERED = 10_000
const MESSAGE_TYPE = 0x3c
const SME_DELIVERY_ACK = 0x08
const ACK_WANTED = 0x04

const address = (text: string) =>
  text.startsWith('+')
    ? { ton: 1, npi: 1, addr: text.slice(1) }
    : /^\d+$/.test(text)
      ? { ton: 3, npi: 0, addr: text }
      : { ton: 5, npi: 0, addr: text }

/** The text of one part, its header taken off. */
function textOf(pdu: Pdu<'submit_sm'>): string {
  const decoded = decodeUserData(readUserData(pdu), { defaultAlphabet: 'gsm7' })
  return decoded.kind === 'text' ? decoded.text : ''
}

/** Starts a message centre. Resolves when it listens. */
export async function startSmsc(options: SmscOptions = {}, clock: Clock = systemClock): Promise<Smsc> {
  let settings = smscOptionsSchema.parse(options)
  const events = new EventEmitter<SmscEvents>()
  const clients = new Set<Client>()
  const submits: Submitted[] = []
  const counts = { submits: 0, receipts: 0, delivers: 0 }
  const seenOnce = new Set<string>()
  let fate = (pdu: Pdu<'submit_sm'>): Fate => fateOf(pdu.fields.destination_addr)
  let receivers: readonly Client[] = []
  const outbox = createOutbox(
    () => receivers,
    (run) => clock.after(RETRY_MS, run),
  )
  let reference = 0
  let second = 0
  let inSecond = 0
  let heldBack: (() => void) | undefined

  const update = () => {
    receivers = [...clients].filter((client) => client.kind() === 'receiver' || client.kind() === 'transceiver')
    outbox.pump()
  }

  const tooFast = (): boolean => {
    if (settings.throttleAbove === 0) return false
    const now = Math.floor(clock.now() / 1000)
    inSecond = now === second ? inSecond + 1 : 1
    second = now
    return inSecond > settings.throttleAbove
  }

  const sendReceipt = (submitted: Submitted, receiptId: string, stat: string, submittedAt: number, client: Client) => {
    counts.receipts += 1
    const times = { submittedAt, doneAt: clock.now() }
    const receipt = receiptFor(submitted.pdu.fields, receiptId, stat, submitted.text, times, settings.receipts)
    const go = () => outbox.drop(receipt, settings.receiptElsewhere ? client : undefined)
    const before = heldBack
    heldBack = undefined
    if (!before && Math.random() < settings.receiptShuffle) {
      heldBack = go
      return
    }
    go()
    before?.()
    if (Math.random() < settings.receiptTwice) go()
  }

  const held = createHeld(
    () => Math.max(1, settings.keep),
    (submitted, octets) => {
      const fields = { ...submitted.pdu.fields, short_message: octets }
      events.emit('replace', submitted, textOf({ ...submitted.pdu, fields }))
    },
  )

  /** The receipts a message brings, unless nobody asked for them or they get lost. */
  const reportOn = (submitted: Submitted, id: string, stats: readonly string[], client: Client) => {
    const asked = (submitted.pdu.fields.registered_delivery & 0x03) !== 0
    const lost = settings.receiptLoss > 0 && Math.random() < settings.receiptLoss
    const submittedAt = clock.now()
    const told = asked && !lost ? stats : []
    held.add(submitted, () => {
      events.emit('cancel', submitted)
      if (asked) sendReceipt(submitted, id, 'DELETED', submittedAt, client)
    })
    if (stats.length === 0) return
    const all = () => {
      if (!held.release(submitted.id)) return
      for (const stat of told) sendReceipt(submitted, id, stat, submittedAt, client)
    }
    if (settings.receiptDelayMs === 0) all()
    else clock.after(settings.receiptDelayMs, all)
  }

  const onAcknowledgement = (client: Client, pdu: Pdu<'submit_sm'>) => {
    client.answer(pdu, 0, '')
    events.emit('acknowledged', tlvInt(pdu, 'user_message_reference'), parseReceiptText(textOf(pdu)).stat ?? '')
  }

  const onSubmit = (client: Client, open: { count: number }, pdu: Pdu<'submit_sm'>) => {
    if ((pdu.fields.esm_class & MESSAGE_TYPE) === SME_DELIVERY_ACK) return onAcknowledgement(client, pdu)
    counts.submits += 1
    const ids = idsOf(settings.firstId + counts.submits - 1, settings.ids)
    const wanted = fate(pdu)
    const repeated = wanted.once === true && seenOnce.has(pdu.fields.destination_addr)
    if (wanted.once && seenOnce.size < ONCE_REMEMBERED) seenOnce.add(pdu.fields.destination_addr)
    const over = tooFast() || (settings.windowLimit > 0 && open.count >= settings.windowLimit)
    const status = over ? 0x58 : repeated ? 0 : wanted.answer
    const submitted: Submitted = {
      id: ids.answer,
      from: pdu.fields.source_addr,
      to: pdu.fields.destination_addr,
      text: textOf(pdu),
      status,
      pdu,
    }
    submits.push(submitted)
    if (submits.length > settings.keep * 2) submits.splice(0, submits.length - settings.keep)
    if (status === 'cut' || (settings.cutAfter > 0 && counts.submits % settings.cutAfter === 0)) client.cut()
    events.emit('submit', submitted)
    if (status === 'silence' || status === 'cut') return
    const taken = status === 0
    if (taken && wanted.receiptFirst) reportOn(submitted, ids.receipt, wanted.receipts, client)
    const answer = () => {
      open.count -= 1
      client.answer(pdu, status, ids.answer)
      if (!taken) return
      if (!wanted.receiptFirst) reportOn(submitted, ids.receipt, wanted.receipts, client)
      if (settings.reply !== undefined) replyTo(submitted)
    }
    open.count += 1
    if (settings.answerDelayMs === 0) answer()
    else clock.after(settings.answerDelayMs, answer)
  }

  const replyTo = (submitted: Submitted) => {
    const text = (settings.reply ?? '').replaceAll('$text', submitted.text)
    const international = submitted.pdu.fields.dest_addr_ton === 1 ? '+' : ''
    const back = submitted.pdu.fields.source_addr_ton === 1 ? '+' : ''
    deliver({ from: international + submitted.to, to: back + submitted.from, text }).catch(() => {
      // The centre has stopped before its client took the reply.
    })
  }

  const deliver = async (message: HandsetMessage): Promise<number> => {
    reference = (reference + 1) & 0xffff
    const method = message.method ?? 'udh8'
    const cut = segment(message.text, { method, maxParts: 255, reference, defaultAlphabet: 'gsm7' })
    if ('tooLong' in cut) throw new Error('text is too long')
    const from = address(message.from)
    const to = address(message.to)
    const named = message.reference === undefined ? [] : [intTlv('user_message_reference', message.reference)]
    const statuses = await Promise.all(
      cut.parts.map(({ octets, tlvs }) => {
        counts.delivers += 1
        const fields = {
          ...EMPTY_MESSAGE,
          source_addr_ton: from.ton,
          source_addr_npi: from.npi,
          source_addr: from.addr,
          dest_addr_ton: to.ton,
          dest_addr_npi: to.npi,
          destination_addr: to.addr,
          esm_class: cut.esmClassBits,
          data_coding: cut.dataCoding,
          registered_delivery: message.reference === undefined ? 0 : ACK_WANTED,
          short_message: octets,
        }
        return outbox.put({ fields, tlvs: [...tlvs, ...named] })
      }),
    )
    return statuses.at(-1) ?? 0
  }

  const onSocket = (socket: Socket): Client => {
    const open = { count: 0 }
    const client = serveClient(socket, () => settings, {
      pdu: (pdu) => events.emit('pdu', pdu, client),
      bound() {
        update()
        events.emit('bind', client)
      },
      submitted: (pdu) => onSubmit(client, open, pdu),
      asked: held.ask,
      places: outbox.pump,
      gone() {
        clients.delete(client)
        update()
        events.emit('gone', client)
      },
    })
    clients.add(client)
    return client
  }

  const server: Server =
    settings.cert && settings.key
      ? createTlsServer({ cert: settings.cert, key: settings.key }, onSocket)
      : createTcpServer(onSocket)
  server.listen(settings.port, settings.host)
  await once(server, 'listening')
  const bound = server.address()

  return {
    port: typeof bound === 'object' && bound ? bound.port : settings.port,
    events,
    submits,
    counts,
    clients: () => [...clients],
    deliver,
    waiting: outbox.waiting,
    raw: (octets) => receivers[0]?.write(octets),
    change(next) {
      settings = { ...settings, ...next }
    },
    decide(next) {
      fate = next
    },
    cut() {
      for (const client of clients) client.cut()
    },
    unbind() {
      for (const client of clients) client.unbind()
    },
    outbind(host, port, systemId, password) {
      const socket = connect({ host, port })
      const client = onSocket(socket)
      client.sendOutbind(systemId, password)
    },
    async stop() {
      outbox.close()
      const closed = once(server, 'close')
      server.close()
      for (const client of clients) client.cut()
      await closed
    },
  }
}
