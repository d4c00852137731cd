import type { Logger } from 'pino'
import type { Clock } from '../../../gateway/cpm/clock.js'
import { isFinal } from '../../../gateway/cpm/failure.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { CLOSED, type PresenceState } from '../../../gateway/cpm/presence.js'
import type { ContentLinks, PresenceGateway, PresencePort, SharedStore, WatchState } from '../../contract/index.js'
import type { Links } from '../links.js'
import { cpmUri, jidOfUri, xmppUri } from '../mapping/address.js'
import { readError } from '../mapping/errors.js'
import { bareJid, type Jid, withoutResource } from '../mapping/jid.js'
import { readDevice, stateOf, writeDevices } from '../mapping/presence.js'
import type { XmppMetrics } from '../metrics.js'
import { patiently } from '../patience.js'
import type { Incoming } from '../receive.js'
import type { Component } from '../stream/component.js'
import { attribute, tag } from '../stream/element.js'
import { createAvatars } from './avatars.js'
import { createRecords } from './records.js'
import { createSeen } from './seen.js'

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

export interface PresenceReceiver {
  /** Link to a picture of our user, for somebody who has been shown it. */
  icon(ours: string, theirs: string): string | undefined
  receive(incoming: Incoming): Promise<void>
}

/** RFC 6121 §4.7.1. */
const TYPES = new Set(['error', 'probe', 'subscribe', 'subscribed', 'unavailable', 'unsubscribe', 'unsubscribed'])

/** Somebody of XMPP and somebody of CPM, with the component between them. */
interface Pair {
  readonly component: Component
  readonly theirs: string
  readonly ours: string
}

/** Presence both ways (RFC 8048): subscriptions and what is seen by them. */
export function createPresence({ gateway, links, home, store, contents, clock, metrics, log }: PresenceParts) {
  const records = createRecords(store)
  const seen = createSeen()
  const avatars = contents && createAvatars(contents, clock)

  function pairOf(xmpp: Uri, cpm: Uri): Pair | undefined {
    const theirs = jidOfUri(xmpp)
    const component = theirs && links.towards(theirs.domain)
    const ours = component && links.ourJid(cpm, component)
    return theirs && component && ours && { component, theirs: bareJid(theirs), ours: bareJid(ours) }
  }

  const say = ({ component, theirs, ours }: Pair, type: string | undefined, resource = '', content = ''): boolean =>
    component.tell(tag('presence', { type, from: `${ours}${resource}`, to: theirs }, content))

  function mustSay(pair: Pair, type: string): void {
    if (!say(pair, type)) throw new Error(`no connection as ${pair.component.options.domain}`)
  }

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
      // Whoever is subscribed already asks for the state only (RFC 6121 §4.3): another subscription tells him nothing.
      const subscribed = (await records.watching(pair.ours, pair.theirs)) === 'active'
      await records.watch(pair.ours, pair.theirs, subscribed ? 'active' : 'pending')
      mustSay(pair, subscribed ? 'probe' : 'subscribe')
      if (!subscribed) await gateway.presenceChanged(presentity, watcher, { kind: 'pending' })
    },
    async unwatch(watcher, presentity) {
      const pair = pairOf(presentity, watcher)
      if (pair === undefined) return
      await records.unwatch(pair.ours, pair.theirs)
      seen.forget(pair.ours, pair.theirs)
      mustSay(pair, 'unsubscribe')
    },
    async notify(presentity, watcher, state) {
      const pair = pairOf(watcher, presentity)
      if (pair === undefined) throw new Error('no XMPP address')
      await notifyPair(pair, state)
    },
  }

  async function notifyPair(pair: Pair, state: WatchState): Promise<void> {
    switch (state.kind) {
      case 'pending':
        // RFC 8048 §3.2.2: the decision is waited for.
        return
      case 'active': {
        if (await records.grant(pair.ours, pair.theirs)) mustSay(pair, 'subscribed')
        return show(pair, state.presence)
      }
      case 'ended':
        await records.revoke(pair.ours, pair.theirs)
        show(pair, CLOSED)
        if (isRefusal(state.reason)) mustSay(pair, 'unsubscribed')
    }
  }

  /** Writes each device; those shown before and not among these any more are gone. */
  function show(pair: Pair, presence: PresenceState): void {
    const devices = writeDevices(presence)
    const before = seen.shown(pair.ours, pair.theirs)
    const available = new Set(devices.filter((each) => each.available).map(({ resource }) => resource))
    const gone = [...before].filter((resource) => !available.has(resource))
    for (const { resource, content } of devices.filter((each) => each.available))
      say(pair, undefined, `/${resource}`, content)
    const said = devices.find((each) => !each.available)?.content ?? ''
    for (const resource of gone) say(pair, 'unavailable', `/${resource}`, said)
    if (available.size === 0 && gone.length === 0) say(pair, 'unavailable', '', said)
    seen.show(pair.ours, pair.theirs, available, presence.person?.icon)
  }

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
        if (await records.granted(pair.ours, pair.theirs)) say(pair, 'subscribed')
        return tell(() => gateway.watchRequested(xmpp, cpm))
      case 'unsubscribe':
        await records.revoke(pair.ours, pair.theirs)
        show(pair, CLOSED)
        say(pair, 'unsubscribed')
        return tell(() => gateway.watchEnded(xmpp, cpm))
      case 'probe':
        // Only for those who were allowed: a question must not become a subscription.
        if (await records.granted(pair.ours, pair.theirs)) return tell(() => gateway.watchRequested(xmpp, cpm))
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
    if ((await records.watching(pair.ours, pair.theirs)) === undefined) return
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
        await records.unwatch(pair.ours, pair.theirs)
        const { reason } = readError(stanza)
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

  return { port, receive, icon: seen.icon }
}

/** Whether he need not ask again: the user does not want it, or there is none. */
const isRefusal = (reason: Extract<WatchState, { kind: 'ended' }>['reason']): boolean =>
  reason === 'rejected' || (reason !== 'timeout' && isFinal(reason))
