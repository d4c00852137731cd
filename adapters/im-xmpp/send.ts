import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Clock } from '../../gateway/cpm/clock.js'
import type { ServiceMessageId } from '../../gateway/cpm/ids.js'
import type { GatewayPort, OutboundMessage, OutboundReport, SendOutcome } from '../contract/index.js'
import { type FilePlace, putAll } from './files/place.js'
import type { Links } from './links.js'
import { jidOfUri } from './mapping/address.js'
import { carry } from './mapping/content.js'
import { readDeliveryId } from './mapping/delivery-id.js'
import { errorFor, readError } from './mapping/errors.js'
import { bareJid, fullJid, parseJid } from './mapping/jid.js'
import { reportKey, stanzaId, writeMessage } from './mapping/to-message.js'
import type { XmppMetrics } from './metrics.js'
import type { XmppOptions } from './profile.js'
import type { Component, Parcel } from './stream/component.js'
import { tag } from './stream/element.js'
import type { Taken } from './stream/ledger.js'
import { NS } from './stream/names.js'
import type { Threads } from './threads.js'

export interface SenderParts {
  readonly options: XmppOptions
  readonly links: Links
  readonly threads: Threads
  readonly place: FilePlace | undefined
  readonly clock: Clock
  readonly gateway: GatewayPort
  readonly metrics: XmppMetrics
  readonly log: Logger
}

const NO_LINK_RETRY_MS = 1_000
const WAIT_MS = 30_000
/** An error of type `wait` is believed so often. */
const WAITS = 10
const UPLOADS = 5
/** Age from which on a message counts as delayed. */
const LATE_MS = 30_000
const EPOCH = Date.UTC(2000)
/** Time a notification to an XMPP user may take. */
const REPORT_LIFE_MS = 60_000

const here = { kind: 'refused', final: 'here' } as const
const EXPIRED: SendOutcome = { kind: 'refused', final: 'everywhere', reason: 'expired', said: 'expired' }
const unsent = (said: string): SendOutcome & { kind: 'busy' } => ({
  kind: 'busy',
  retryAfterMs: NO_LINK_RETRY_MS,
  scope: 'peer',
  reason: 'service-unavailable',
  said,
})

/** Makes `send` and `report` of the message port. */
export function createSender({ options, links, threads, place, clock, gateway, metrics, log }: SenderParts) {
  async function outcomeOf(
    message: OutboundMessage,
    parcel: Pick<Parcel, 'id' | 'to'>,
    taken: Taken,
  ): Promise<SendOutcome> {
    switch (taken.kind) {
      case 'taken':
        return accepted(message, parcel)
      case 'returned': {
        const { reason, type, said } = readError(taken.error)
        if (type !== 'wait') return { ...here, reason, said }
        return { kind: 'busy', retryAfterMs: WAIT_MS, scope: 'message', reason, maxAttempts: WAITS, said }
      }
      case 'lost':
        return { kind: 'uncertain', reason: taken.why === 'timeout' ? 'timeout' : 'uncertain', said: taken.said }
      case 'expired':
        return EXPIRED
      case 'unsent':
        return unsent(taken.said)
    }
  }

  async function accepted(
    { contributionId, reports }: OutboundMessage,
    { id, to }: Pick<Parcel, 'id' | 'to'>,
  ): Promise<SendOutcome> {
    const key = reportKey(to, id)
    // It is taken, whatever becomes of the memory.
    if (contributionId !== undefined) {
      await threads.sent(key, contributionId).catch((error: unknown) => {
        log.warn({ err: error }, 'an answer to this message will not be known as one')
      })
    }
    const asked = (reports.delivered && options.receipts) || (reports.displayed && options.markers) || reports.failed
    return {
      kind: 'accepted',
      parts: [{ id: id as ServiceMessageId, keys: [key] }],
      reportExpected: asked,
      said: `taken by the server, id ${id}`,
    }
  }

  /** A message that has waited tells since when; what its sender claims of the future, or of a time before us, is left out. */
  function delayOf({ sentAt }: OutboundMessage, { options: { domain } }: Component) {
    const isLate = sentAt !== undefined && sentAt >= EPOCH && clock.now() - sentAt > LATE_MS
    return isLate ? { delay: { from: domain, at: sentAt } } : {}
  }

  async function offer(message: OutboundMessage, component: Component, giveUp: AbortSignal): Promise<SendOutcome> {
    const from = links.ourJid(message.from, component)
    if (from === undefined) return { ...here, reason: 'no-originator-address', said: 'originator is no XMPP address' }
    const recipient = jidOfUri(message.to)
    if (recipient === undefined) return { ...here, reason: 'address-invalid', said: 'recipient is no XMPP address' }
    const carried = carry(message.content, { ...options, place })
    if (carried.kind === 'refused') return { ...here, reason: carried.reason, said: carried.said }
    const files = await putAll(place, carried.files, component, giveUp)
    if (files === undefined)
      return { ...unsent('a file could not be uploaded'), scope: 'message', maxAttempts: UPLOADS }
    const all = [...carried.links, ...files]
    const [link] = all
    const parcel = { id: stanzaId(message.messageId), to: bareJid(recipient) }
    const stanza = writeMessage({
      id: parcel.id,
      from: bareJid(from),
      to: fullJid(recipient),
      type: 'chat',
      body: [...carried.texts, ...all].join('\n'),
      ...(message.subject === undefined ? {} : { subject: message.subject }),
      ...(message.conversationId === undefined ? {} : { thread: message.conversationId }),
      ...(link === undefined ? {} : { link }),
      ...delayOf(message, component),
      receipt: message.reports.delivered && options.receipts,
      markable: message.reports.displayed && options.markers,
    })
    const late = (taken: Taken) => {
      outcomeOf(message, parcel, taken)
        .then((outcome) => gateway.settleLate(message.messageId, outcome))
        .catch((error: unknown) => log.warn({ err: error }, 'a late answer could not be passed on'))
    }
    const taken = await component.deliver({ ...parcel, stanza, expiresAt: message.expiresAt, giveUp, late })
    return outcomeOf(message, parcel, taken)
  }

  return {
    async send(message: OutboundMessage, giveUp: AbortSignal): Promise<SendOutcome> {
      const began = clock.now()
      if (message.expiresAt <= began) return EXPIRED
      const domain = jidOfUri(message.to)?.domain
      const component = domain === undefined ? links.all[0] : links.towards(domain)
      if (component === undefined) return { ...here, reason: 'unreachable-network', said: `no component for ${domain}` }
      if (component.capacity() === 0 || giveUp.aborted) return unsent(`no connection as ${component.options.domain}`)
      const outcome = await offer(message, component, giveUp)
      metrics.submitted(component.options.domain, outcome.kind, (clock.now() - began) / 1000)
      return outcome
    },

    /** A disposition as receipt (XEP-0184), marker (XEP-0333), or returned message. */
    async report({ id, state }: OutboundReport, giveUp: AbortSignal): Promise<SendOutcome> {
      const delivery = readDeliveryId(id)
      const [from, to] = [delivery && parseJid(delivery.to), delivery && parseJid(delivery.from)]
      const component = from && links.as(from.domain)
      if (delivery === undefined || from === undefined || to === undefined || component === undefined) {
        return { ...here, reason: 'service-unsupported', said: 'nothing to report to' }
      }
      const stanza = writeReport(delivery, state)
      if (stanza === undefined) return { kind: 'delivered' }
      const taken = await component.deliver({
        id: stanza.id,
        to: bareJid(to),
        stanza: stanza.text,
        expiresAt: clock.now() + REPORT_LIFE_MS,
        giveUp,
      })
      if (taken.kind === 'taken') return { kind: 'delivered' }
      return taken.kind === 'unsent' ? unsent(taken.said) : { kind: 'uncertain', reason: 'uncertain', said: taken.kind }
    },
  }
}

function writeReport(
  { from, to, stanzaId, receipt, markable }: NonNullable<ReturnType<typeof readDeliveryId>>,
  state: OutboundReport['state'],
): { readonly id: string; readonly text: string } | undefined {
  const id = randomUUID()
  const about = (name: string, xmlns: string) => ({
    id,
    text: writeMessage({ id, from: to, to: from, type: 'chat', more: tag(name, { xmlns, id: stanzaId }) }),
  })
  switch (state) {
    case 'delivered':
      return receipt ? about('received', NS.receipts) : undefined
    case 'displayed':
      return markable ? about('displayed', NS.markers) : undefined
    case 'failed': {
      const { condition, type } = errorFor('recipient-unavailable')
      const error = tag('error', { type }, tag(condition, { xmlns: NS.stanzaErrors }))
      return { id: stanzaId, text: tag('message', { type: 'error', from: to, to: from, id: stanzaId }, error) }
    }
  }
}
