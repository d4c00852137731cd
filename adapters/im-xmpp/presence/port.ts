import type { Logger } from 'pino'
import type { Clock } from '../../../gateway/cpm/clock.js'
import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { PresenceState } from '../../../gateway/cpm/presence.js'
import type { ContentLinks, PresenceGateway, PresencePort, SharedStore } from '../../contract/index.js'
import type { Links } from '../links.js'
import { cpmUri, jidOfUri, xmppUri } from '../mapping/address.js'
import { readError } from '../mapping/errors.js'
import { bareJid, type Jid, withoutResource } from '../mapping/jid.js'
import { readDevice, stateOf } from '../mapping/presence.js'
import type { XmppMetrics } from '../metrics.js'
import { patiently } from '../patience.js'
import type { Incoming } from '../receive.js'
import type { Component } from '../stream/component.js'
import { attribute } from '../stream/element.js'
import { tellInOrder } from '../stream/in-order.js'
import { createAvatars } from './avatars.js'
import { type Pair, writePresence } from './pair.js'
import { createRecords } from './records.js'
import { createSeen } from './seen.js'
import { createShowing } from './showing.js'

interface PresenceParts {
  readonly gateway: PresenceGateway
  readonly links: Links
  readonly home: string
  readonly store: SharedStore
  /** Absent: the provider keeps no contents. */
  readonly contents: ContentLinks | undefined
  readonly clock: Clock
  readonly metrics: XmppMetrics
  readonly log: Logger
}

/** What XMPP has for the gateway, and what comes of it. */
export interface Presence extends PresenceReceiver {
  readonly port: PresencePort
  /** A component is connected (again). */
  connected(component: Component): void
}

export interface PresenceReceiver {
  /** Link to a picture of our user, for somebody who has been shown it. */
  icon(ours: string, theirs: string): string | undefined
  receive(incoming: Incoming): Promise<void>
}

/** Reasons for which a subscription that stood is over; otherwise nobody can tell now how he is (RFC 6121 §4.3.2). */
const OVER: ReadonlySet<FailureReason> = new Set([
  'unknown-recipient',
  'recipient-gone',
  'sender-not-allowed',
  'authentication',
  'address-invalid',
])
/** RFC 6121 §4.7.1. */
const TYPES = new Set(['error', 'probe', 'subscribe', 'subscribed', 'unavailable', 'unsubscribe', 'unsubscribed'])

/** Presence both ways (RFC 8048): subscriptions and what is seen by them. */
export function createPresence({
  gateway,
  links,
  home,
  store,
  contents,
  clock,
  metrics,
  log,
}: PresenceParts): Presence {
  const records = createRecords(store)
  const seen = createSeen()
  const showing = createShowing(records, seen, clock)
  const avatars = contents && createAvatars(contents, clock)

  function pairOf(xmpp: Uri, cpm: Uri): Pair | undefined {
    const theirs = jidOfUri(xmpp)
    const component = theirs && links.towards(theirs.domain)
    const ours = component && links.ourJid(cpm, component)
    return theirs && component && ours && { component, theirs: bareJid(theirs), ours: bareJid(ours) }
  }

  const say = (pair: Pair, type: string): boolean => pair.component.tell(writePresence(pair, type))

  function mustSay(pair: Pair, type: string): void {
    if (!say(pair, type)) throw new Error(`no connection as ${pair.component.options.domain}`)
  }

  /** Whoever is subscribed already asks for the state only (RFC 6121 §4.3): another subscription tells him nothing. */
  const questionFor = (state: 'pending' | 'active' | undefined) => (state === 'active' ? 'probe' : 'subscribe')

  const tell = async (what: () => Promise<void>): Promise<void> => {
    const told = await patiently(
      clock,
      async () => what().then(() => true),
      () => false,
    )
    if (told === undefined) log.warn('presence could not be passed on')
  }

  const port: PresencePort = {
    async watch(watcher, presentity) {
      const pair = pairOf(presentity, watcher)
      if (pair === undefined) throw new Error('no XMPP address')
      seen.watch(pair)
      const state = await records.watching(pair.ours, pair.theirs)
      if (state !== 'active') {
        await records.watch(pair.ours, pair.theirs, 'pending')
        // Before the question, so that it does not come after the answer.
        await gateway.presenceChanged(presentity, watcher, { kind: 'pending' })
      }
      mustSay(pair, questionFor(state))
    },
    async unwatch(watcher, presentity) {
      const pair = pairOf(presentity, watcher)
      if (pair === undefined) return
      // First: as long as he is not told, what he sends is news to be answered again.
      mustSay(pair, 'unsubscribe')
      await records.unwatch(pair.ours, pair.theirs)
      seen.forget(pair.ours, pair.theirs)
    },
    async notify(presentity, watcher, state) {
      const pair = pairOf(watcher, presentity)
      if (pair === undefined) throw new Error('no XMPP address')
      // He asks again, so to speak, and is told what holds then.
      await showing.show(pair, state, () => tell(() => gateway.watchRequested(watcher, presentity)))
    },
  }

  /** What was seen before a connection was lost may be over; those there do not say so again by themselves. */
  async function connected(component: Component): Promise<void> {
    for (const pair of seen.watched(component)) {
      const state = await records.watching(pair.ours, pair.theirs)
      if (state === undefined) continue
      seen.gone(pair.ours, pair.theirs, undefined)
      if (!(await tellInOrder(component, writePresence(pair, questionFor(state)), clock))) return
    }
  }

  const isShown = async ({ ours, theirs }: Pair): Promise<boolean> => (await records.shown(ours, theirs)) !== undefined

  /** A presence stanza of an XMPP user. */
  async function receive({ component, stanza, from, to }: Incoming): Promise<void> {
    const cpm = to.local === undefined ? undefined : cpmUri(to.local, home)
    const xmpp = xmppUri(withoutResource(from))
    if (cpm === undefined || xmpp === undefined) return
    const pair: Pair = { component, theirs: bareJid(from), ours: bareJid(to) }
    const type = attribute(stanza, 'type')
    metrics.incoming('presence', type === undefined ? 'available' : TYPES.has(type) ? type : 'unknown')
    switch (type) {
      case 'subscribe':
        // RFC 6121 §3.1.3: to one who may already, it is said again.
        if (await isShown(pair)) say(pair, 'subscribed')
        return tell(() => gateway.watchRequested(xmpp, cpm))
      case 'unsubscribe':
        await showing.hide(pair)
        return tell(() => gateway.watchEnded(xmpp, cpm))
      case 'probe':
        // Only for those who were allowed: a question must not become a subscription.
        if (await isShown(pair)) return tell(() => gateway.watchRequested(xmpp, cpm))
        say(pair, 'unsubscribed')
        return
      default:
        return watched(pair, { stanza, from, type }, xmpp, cpm)
    }
  }

  /** News of somebody a CPM user watches. What was not asked for is passed over. */
  async function watched(
    pair: Pair,
    {
      stanza,
      from,
      type,
    }: { readonly stanza: Incoming['stanza']; readonly from: Jid; readonly type: string | undefined },
    xmpp: Uri,
    cpm: Uri,
  ): Promise<void> {
    const watching = await records.watching(pair.ours, pair.theirs)
    if (watching === undefined) return
    const now = () => stateOf(seen.devices(pair.ours, pair.theirs), avatars?.link(pair.theirs))
    const active = (presence: PresenceState = now()) =>
      tell(() => gateway.presenceChanged(xmpp, cpm, { kind: 'active', presence }))
    switch (type) {
      case 'subscribed': {
        await records.watch(pair.ours, pair.theirs, 'active')
        // What he shows comes right after it; until then nothing is known.
        const devices = [...seen.devices(pair.ours, pair.theirs)]
        return active(devices.length === 0 ? { tuples: [] } : now())
      }
      case 'unsubscribed':
        await records.unwatch(pair.ours, pair.theirs)
        seen.forget(pair.ours, pair.theirs)
        return tell(() => gateway.presenceChanged(xmpp, cpm, { kind: 'ended', reason: 'rejected' }))
      case 'error': {
        const { reason } = readError(stanza)
        if (watching === 'active' && !OVER.has(reason)) {
          seen.gone(pair.ours, pair.theirs, undefined)
          return active()
        }
        await records.unwatch(pair.ours, pair.theirs)
        return tell(() => gateway.presenceChanged(xmpp, cpm, { kind: 'ended', reason }))
      }
      case undefined:
        // RFC 6121 §4.2.2: who sends presence has let us see it.
        seen.here(pair.ours, pair.theirs, from.resource ?? '', readDevice(stanza, from.resource ?? '', clock.now()))
        // A picture may take its time; nobody waits for it.
        avatars?.saw(pair, stanza).then(
          (isNews) => (isNews ? active() : undefined),
          (error: unknown) => log.warn({ err: error }, 'an avatar could not be kept'),
        )
        return active()
      case 'unavailable':
        seen.gone(pair.ours, pair.theirs, from.resource)
        return active()
    }
  }

  return {
    port,
    receive,
    icon: seen.icon,
    connected(component) {
      connected(component).catch((error: unknown) => log.warn({ err: error }, 'presence not asked for again'))
    },
  }
}
