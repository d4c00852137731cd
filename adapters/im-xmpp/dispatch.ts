import type { Clock } from '../../gateway/cpm/clock.js'
import type { XmlElement } from '../../gateway/cpm/xml.js'
import { type Asked, answerQuery } from './discovery.js'
import type { FloodGuard } from './flood.js'
import { cpmUri } from './mapping/address.js'
import { errorReply, type StanzaError } from './mapping/errors.js'
import { readMessage } from './mapping/from-message.js'
import { bareJid, parseJid } from './mapping/jid.js'
import type { XmppMetrics } from './metrics.js'
import type { PresenceReceiver } from './presence/port.js'
import type { Incoming, Receiver } from './receive.js'
import type { Sessions } from './sessions/sessions.js'
import type { Component } from './stream/component.js'
import { attribute, tag } from './stream/element.js'
import { NS } from './stream/names.js'

interface DispatchParts {
  readonly home: string
  /** Domains of all our components: nobody outside may speak as one of them. */
  readonly ours: ReadonlySet<string>
  /** By sender. */
  readonly flood: FloodGuard
  /** By domain of the sender. */
  readonly domainFlood: FloodGuard
  readonly receiver: Receiver
  readonly presence: PresenceReceiver | undefined
  readonly sessions: Sessions
  readonly metrics: XmppMetrics
  readonly clock: Clock
}

/** A stanza that has been let in, and the pair of parties within whose order it belongs. */
export interface Admitted {
  readonly key: string
  readonly incoming: Incoming
}

const UNANSWERED: ReadonlySet<string> = new Set(['error', 'result', 'groupchat', 'unavailable'])
/** XEP-0045 §7.4, XEP-0410 §3: what tells a client that it is not in a room (any more). */
const NOT_INSIDE: StanzaError = { condition: 'not-acceptable', type: 'cancel' }

/** Lets stanzas in, and takes each to the part that it is for. */
export function createDispatch(parts: DispatchParts) {
  const { home, ours, flood, domainFlood, receiver, presence, sessions, metrics } = parts

  const refuse = (component: Component, stanza: XmlElement, error: StanzaError, why: string): undefined => {
    metrics.refused(why)
    // A room that gets an error of an occupant puts him out (XEP-0045 §18.5).
    if (!UNANSWERED.has(attribute(stanza, 'type') ?? '')) component.tell(errorReply(stanza, error))
    return undefined
  }

  /** Checks who speaks to whom; what is not let in has been answered. */
  function admit(component: Component, stanza: XmlElement): Admitted | undefined {
    const from = parseJid(attribute(stanza, 'from') ?? '')
    const to = parseJid(attribute(stanza, 'to') ?? '')
    if (from === undefined || to === undefined || to.domain !== component.options.domain) {
      // Not to be answered: there is no telling whom it would reach.
      metrics.refused('address')
      return undefined
    }
    if (ours.has(from.domain)) {
      metrics.refused('spoofed')
      return undefined
    }
    const { accept } = component.options
    if (accept.length > 0 && !accept.includes(from.domain)) {
      return refuse(component, stanza, { condition: 'forbidden', type: 'auth' }, 'domain')
    }
    const sender = bareJid(from)
    if (!flood.admits(sender) || (isForeign(from.domain, component) && !domainFlood.admits(from.domain)))
      return refuse(component, stanza, { condition: 'resource-constraint', type: 'wait' }, 'flood')
    return { key: `${sender} ${bareJid(to)}`, incoming: { component, stanza, from, to } }
  }

  async function message(incoming: Incoming): Promise<void> {
    const read = readMessage(incoming.stanza)
    if (await sessions.message(incoming, read)) return
    if (read.type === 'error' || read.received !== undefined || read.displayed !== undefined) {
      await receiver.about(incoming, read)
    }
    if (read.type === 'error' || read.text === undefined) return
    if (read.type === 'groupchat') {
      metrics.incoming('message', 'not-inside')
      incoming.component.tell(errorReply(incoming.stanza, NOT_INSIDE))
      return
    }
    await receiver.message(incoming, read, read.text)
  }

  function asked({ from, to }: Incoming): Asked | undefined {
    if (to.local === undefined) return { kind: 'gateway' }
    const uri = cpmUri(to.local, home)
    if (uri === undefined) return undefined
    const name = sessions.roomName(uri)
    if (name !== undefined) return { kind: 'room', name }
    const icon = presence?.icon(bareJid(to), bareJid(from))
    return { kind: 'user', uri, ...(icon === undefined ? {} : { icon }) }
  }

  function iq(incoming: Incoming): void {
    const { component, stanza } = incoming
    const type = attribute(stanza, 'type')
    if (type !== 'get' && type !== 'set') return
    const [query] = stanza.children
    const target = asked(incoming)
    if (query?.uri === NS.ping && incoming.to.resource !== undefined && !sessions.isOccupant(incoming)) {
      component.tell(errorReply(stanza, NOT_INSIDE))
      return
    }
    const [from, to, id] = [attribute(stanza, 'to'), attribute(stanza, 'from'), attribute(stanza, 'id')]
    const answer =
      type === 'get' && query !== undefined && target !== undefined ? answerQuery(query, target) : undefined
    metrics.incoming('iq', answer === undefined ? 'refused' : 'answered')
    if (answer !== undefined) component.tell(tag('iq', { type: 'result', from, to, id }, answer))
    else component.tell(errorReply(stanza, noAnswer(query)))
  }

  return {
    admit,
    /** What is beyond the limits goes back, as far as its sender may speak at all. */
    oversized(component: Component, head: XmlElement): void {
      if (admit(component, head))
        refuse(component, head, { condition: 'policy-violation', type: 'modify' }, 'oversized')
    },
    async handle(incoming: Incoming): Promise<void> {
      switch (incoming.stanza.local) {
        case 'message':
          return message(incoming)
        case 'presence':
          if (!(await sessions.presence(incoming))) await presence?.receive(incoming)
          return
        case 'iq':
          return iq(incoming)
        default:
          metrics.refused('unknown-stanza')
      }
    },
  }
}

/** Whether a domain is not one that the server hosts. */
const isForeign = (domain: string, { options: { server } }: Component): boolean =>
  domain !== server && !domain.endsWith(`.${server}`)

/** Rooms are configured in the gateway, by nobody else (XEP-0045 §9 and §10). */
function noAnswer(query: XmlElement | undefined): StanzaError {
  if (query?.uri === NS.mucOwner || query?.uri === NS.mucAdmin) return { condition: 'forbidden', type: 'auth' }
  return { condition: 'service-unavailable', type: 'cancel' }
}
