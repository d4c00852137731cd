import { overallState } from '../contract/health.js'
import type { AdapterContext, AdapterHealth, ServiceAdapter, ServiceCapabilities } from '../contract/index.js'
import { createDispatch } from './dispatch.js'
import { createDownload } from './files/download.js'
import { type FilePlace, filePlace } from './files/place.js'
import { createFloodGuard } from './flood.js'
import { createLinks } from './links.js'
import { serviceUri } from './mapping/address.js'
import { CARRIED_TYPES, carry } from './mapping/content.js'
import { xmppMetrics } from './metrics.js'
import { createPresence } from './presence/port.js'
import type { XmppOptions } from './profile.js'
import { createReceiver } from './receive.js'
import { createSender } from './send.js'
import { createSessions } from './sessions/sessions.js'
import { type Component, createComponent } from './stream/component.js'
import { createIntake } from './stream/intake.js'
import { createThreads } from './threads.js'

/** What XMPP can carry: text and links for its users, files where there is a place for them. */
function capabilitiesOf(options: XmppOptions, place: FilePlace | undefined): ServiceCapabilities {
  const { maxBody, receipts, markers } = options
  return {
    schemes: ['xmpp'],
    media: place === undefined ? CARRIED_TYPES : [...CARRIED_TYPES, 'image/*', 'audio/*', 'video/*', 'application/*'],
    maxBytes: Math.max(maxBody, place?.maxFile ?? 0),
    reports: { delivered: receipts, displayed: markers },
    sessions: true,
    presence: true,
  }
}

/** XMPP as an external component (XEP-0114) of one server or of several. */
export function createXmppAdapter(options: XmppOptions, context: AdapterContext): ServiceAdapter {
  const { gateway, clock, log, store, domain: home } = context
  const metrics = xmppMetrics(context.metrics, context.service)
  const ours = new Set(options.components.map((each) => each.domain))
  const sipDomains = new Set(options.sipDomains)
  const intake = createIntake(options.parallel, (open) => {
    for (const component of components) open ? component.resume() : component.pause()
  })
  const components = options.components.map((each) =>
    createComponent(each, clock, {
      stanza(component, element) {
        const admitted = dispatch.admit(component, element)
        if (admitted === undefined) return
        intake.take(admitted.key, () =>
          dispatch.handle(admitted.incoming).catch((error: unknown) => {
            log.error({ err: error }, 'a stanza could not be handled')
          }),
        )
      },
      oversized: (component, element) => dispatch.oversized(component, element),
      changed(component) {
        note(component)
        if (component.capacity() === 0) sessions.disconnected(component)
        else presence?.connected(component)
        gateway.healthChanged()
      },
      fault(condition) {
        metrics.refused(condition)
        log.warn({ condition }, 'the XMPP server sends what cannot be read')
      },
    }),
  )
  const links = createLinks(components, home)
  const threads = createThreads(store)
  const place = filePlace(options.upload, context.links)
  const download = options.download && createDownload(options.download, clock)
  const sender = createSender({ options, links, threads, place, clock, gateway, metrics, log })
  const receiver = createReceiver({ options, home, threads, download, gateway, clock, metrics, log })
  const presence =
    context.presence &&
    createPresence({ gateway: context.presence, links, home, store, contents: context.links, clock, metrics, log })
  const { receiveInvitation } = context
  const sessions = createSessions({
    options: options.sessions,
    maxBody: options.maxBody,
    place,
    receiveInvitation,
    asMessage: receiver.message,
    links,
    home,
    clock,
    metrics,
    log,
  })
  const dispatch = createDispatch({
    home,
    ours,
    flood: createFloodGuard(options.flood, clock),
    domainFlood: createFloodGuard(options.flood.domain, clock),
    receiver,
    presence,
    sessions,
    metrics,
    clock,
  })
  let since = clock.now()
  let state: AdapterHealth['state'] = 'connecting'

  function note({ options: { domain }, state: read }: Component): void {
    const { state: now, detail } = read()
    metrics.connected(domain, now === 'up')
    if (now === 'refused') log.error({ component: domain, detail }, 'the XMPP server refuses us')
    else if (now === 'connecting') log.warn({ component: domain, detail }, 'not connected to the XMPP server')
    else if (now === 'up') log.info({ component: domain }, 'connected to the XMPP server')
  }

  const currentState = () => overallState(components.map((component) => component.state().state))

  return {
    capabilities: capabilitiesOf(options, place),
    addresses: { toService: (target) => serviceUri(target, { home, ours, sipDomains }) },
    messages: {
      parallel: () => components.reduce((sum, component) => sum + component.capacity(), 0),
      send: (message, _attempt, giveUp) => sender.send(message, giveUp),
      describe: ({ from, to }) => `message from ${from} to ${to}`,
      refuses({ content }) {
        const carried = carry(content, { ...options, place })
        return carried.kind === 'refused' ? carried.reason : undefined
      },
      report: (report, giveUp) => sender.report(report, giveUp),
    },
    sessions: { invite: (invitation, side, withdrawn) => sessions.invite(invitation, side, withdrawn) },
    ...(presence === undefined ? {} : { presence: presence.port }),
    async start() {
      for (const component of components) component.start()
    },
    async stop(deadline) {
      const giveUp = () => {
        for (const component of components) component.abort()
      }
      if (deadline.aborted) giveUp()
      else deadline.addEventListener('abort', giveUp, { once: true })
      sessions.close()
      await Promise.all(components.map((component) => component.leave()))
      if (!deadline.aborted) await Promise.race([intake.empty(), aborted(deadline)])
      deadline.removeEventListener('abort', giveUp)
    },
    health() {
      const now = currentState()
      if (now !== state) since = clock.now()
      state = now
      const states = components.map((component) => ({ name: component.options.domain, ...component.state() }))
      const down = states.filter((link) => link.state !== 'up')
      const detail =
        down.length === 0 ? 'every component is connected' : down.map((l) => `${l.name}: ${l.detail}`).join('; ')
      return { state, since, detail, links: states }
    },
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
