import type { Logger } from 'pino'
import type { Clock } from '../../gateway/cpm/clock.js'
import type { FailureReason } from '../../gateway/cpm/failure.js'
import type { XmlElement } from '../../gateway/cpm/xml.js'
import type { GatewayPort, InboundMessage, InboundReport, ReceiveOutcome } from '../contract/index.js'
import type { Download } from './files/download.js'
import { cpmUri, xmppUri } from './mapping/address.js'
import { deliveryId } from './mapping/delivery-id.js'
import { errorFor, errorReply, readError } from './mapping/errors.js'
import type { ReadMessage } from './mapping/from-message.js'
import { bareJid, fullJid, type Jid, withoutResource } from './mapping/jid.js'
import { reportKey } from './mapping/to-message.js'
import type { XmppMetrics } from './metrics.js'
import { patiently } from './patience.js'
import type { XmppOptions } from './profile.js'
import type { Component } from './stream/component.js'
import type { Threads } from './threads.js'

interface ReceiverParts {
  readonly options: XmppOptions
  readonly home: string
  readonly threads: Threads
  readonly download: Download | undefined
  readonly gateway: GatewayPort
  readonly clock: Clock
  readonly metrics: XmppMetrics
  readonly log: Logger
}

/** A stanza whose parties have been checked. */
export interface Incoming {
  readonly component: Component
  readonly stanza: XmlElement
  readonly from: Jid
  /** Of a domain of ours. */
  readonly to: Jid
}

/** How long a repeated stanza is recognised, ms. */
const REMEMBER_MS = 3_600_000
const STATE_WORDS = { delivered: 'receipt', displayed: 'displayed marker' } as const

/** Passes messages of XMPP users to the gateway, and what their clients say of ours. */
export function createReceiver({ options, home, threads, download, gateway, clock, metrics, log }: ReceiverParts) {
  const refuse = ({ component, stanza }: Incoming, reason: FailureReason, text?: string) => {
    metrics.incoming('message', reason)
    // RFC 6120 §8.3.1: an error is never answered with an error.
    if (stanza.attributes.some(({ local, value }) => local === 'type' && value === 'error')) return
    component.tell(errorReply(stanza, errorFor(reason), text))
  }

  /** Tells the gateway of a receipt, a marker or an error; a marker proves the delivery as well. */
  async function report(
    { from }: Incoming,
    id: string,
    states: readonly Pick<InboundReport, 'state' | 'reason'>[],
    said: string,
  ) {
    const uri = xmppUri(withoutResource(from))
    if (uri === undefined) return
    for (const state of states) {
      metrics.report(state.state)
      const report: InboundReport = {
        keys: [reportKey(bareJid(from), id)],
        converted: [],
        addresses: [uri],
        ...state,
        at: clock.now(),
        said,
      }
      const told = await patiently(
        clock,
        () => gateway.receiveReport(report),
        () => false,
      )
      if (told === undefined) log.warn('a report of the service could not be stored')
    }
  }

  async function message(incoming: Incoming, read: ReadMessage, text: string): Promise<void> {
    const { from, to, component } = incoming
    const [sender, user] = [xmppUri(withoutResource(from)), to.local === undefined ? undefined : cpmUri(to.local, home)]
    if (sender === undefined || user === undefined) return refuse(incoming, 'unknown-recipient')
    if (Buffer.byteLength(text) > options.maxBody)
      return refuse(incoming, 'too-large', `at most ${options.maxBody} octets`)
    const { id, reportable } = deliveryId(
      {
        from: fullJid(from),
        to: `${to.local}@${component.options.domain}`,
        receipt: read.wantsReceipt,
        markable: read.markable,
        ...(read.id === undefined ? {} : { stanzaId: read.id }),
      },
      text,
    )
    const answered =
      read.answers === undefined
        ? undefined
        : await threads.answered(reportKey(bareJid(from), read.answers)).catch(() => undefined)
    const inbound: InboundMessage = {
      id,
      rememberMs: REMEMBER_MS,
      from: sender,
      replyable: true,
      to: user,
      content: (read.file && (await download?.(read.file))) || { type: 'text/plain', text },
      ...(read.subject === undefined ? {} : { subject: read.subject }),
      ...(read.sentAt === undefined ? {} : { sentAt: Math.min(read.sentAt, clock.now()) }),
      wantsReport: reportable,
      ...(reportable && read.markable ? { wantsDisplay: true } : {}),
      ...(answered === undefined ? {} : { inReplyTo: answered }),
      said: `message ${read.type} of ${text.length} characters`,
    }
    const outcome: ReceiveOutcome | undefined = await patiently(
      clock,
      () => gateway.receiveMessage(inbound),
      ({ kind }) => kind === 'unavailable',
    )
    if (outcome === undefined || outcome.kind === 'unavailable') return refuse(incoming, 'service-unavailable')
    if (outcome.kind === 'refused') return refuse(incoming, outcome.reason)
    metrics.incoming('message', outcome.kind)
  }

  return {
    refuse,
    message,
    /** What the client of a recipient says of a message of ours. */
    async about(incoming: Incoming, read: ReadMessage): Promise<void> {
      if (read.type === 'error') {
        if (read.id === undefined) return
        const { reason, said } = readError(incoming.stanza)
        return report(incoming, read.id, [{ state: 'failed', reason }], said)
      }
      if (read.received !== undefined)
        await report(incoming, read.received, [{ state: 'delivered' }], STATE_WORDS.delivered)
      if (read.displayed !== undefined) {
        await report(incoming, read.displayed, [{ state: 'delivered' }, { state: 'displayed' }], STATE_WORDS.displayed)
      }
    },
  }
}

export type Receiver = ReturnType<typeof createReceiver>
