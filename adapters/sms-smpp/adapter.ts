import { LINK_TYPES } from '../../gateway/cpm/file-link.js'
import type { AdapterContext, AdapterHealth, ServiceAdapter, ServiceCapabilities } from '../contract/index.js'
import { createAcknowledge } from './acknowledge.js'
import { type AccountLinks, createAccount } from './bind/account.js'
import { createLinking } from './links.js'
import { serviceUri } from './mapping/address.js'
import { saidAttempt } from './mapping/said.js'
import { refusal } from './mapping/to-sms.js'
import { type SmsMetrics, smsMetrics } from './metrics.js'
import type { SmsOptions } from './profile.js'
import { createRecall } from './recall.js'
import { createReceiver, type Receiver } from './receive.js'
import { createSend } from './send.js'

const SEPTETS_PER_PART = 153
const PAYLOAD_OCTETS = 0xffff
/** What a multipart has beside its largest part, octets. */
const MULTIPART_ROOM = 65_536

/** What SMS can carry: text for numbers, with delivery receipts. */
export function capabilitiesOf(options: SmsOptions, linkedBytes = 0): ServiceCapabilities {
  const media = ['text/plain']
  if (options.unsupportedContent !== 'refuse') media.push('multipart/*')
  if (options.unsupportedContent === 'link') media.push(...LINK_TYPES)
  const longest = options.binds.map((account) => {
    if (account.longMessages === 'payload') return PAYLOAD_OCTETS
    return SEPTETS_PER_PART * (account.longMessages === 'refuse' ? 1 : account.maxParts)
  })
  return {
    schemes: ['tel'],
    media,
    maxBytes: Math.max(...longest) * 2 + (options.unsupportedContent === 'link' ? linkedBytes : 0),
    reports: {
      delivered: options.binds.some((account) => account.receipts === 'expected'),
      displayed: options.binds.some((account) => account.manualAckIsDisplayed),
    },
    sessions: false,
    presence: false,
    laterDelivery: options.binds.every(({ schedule }) => schedule !== 'none'),
  }
}

/** SMS over SMPP: one adapter with all accounts of its profile. */
export function createSmsAdapter(options: SmsOptions, context: AdapterContext): ServiceAdapter {
  const { gateway, clock, log, store, domain } = context
  const metrics = smsMetrics(context.metrics, context.service)
  const onChange = watchLinks(metrics, log)
  const receivers: Receiver[] = []
  const linking = createLinking(options, context.links)
  const accounts = options.binds.map((profile) => {
    const receiver = createReceiver({ account: profile, domain, clock, store, gateway, metrics, log })
    receivers.push(receiver)
    const account: AccountLinks = createAccount(profile, clock, {
      changed() {
        onChange(account)
        gateway.healthChanged()
        if (currentState() === 'stopped') whenStopped()
      },
      bound: receiver.bound,
      ended: receiver.ended,
      incoming: receiver.incoming,
      odd: (name) => metrics.odd(profile.name, name),
      protocolError: (kind) => metrics.protocolError(profile.name, kind),
      reconnect: () => metrics.reconnected(profile.name),
    })
    return account
  })
  metrics.watchWindows(() => accounts.map((account) => [account.profile.name, account.inUse()]))
  let whenStopped = () => {}
  let since = clock.now()
  let state: AdapterHealth['state'] = 'connecting'

  const currentState = (): AdapterHealth['state'] => {
    const links = accounts.flatMap((account) => account.links).map((link) => link.state().state)
    const up = links.filter((link) => link === 'bound').length
    if (links.every((link) => link === 'stopped')) return 'stopped'
    if (up === links.length) return 'up'
    if (up > 0) return 'degraded'
    return links.every((link) => link === 'refused') ? 'refused' : 'connecting'
  }

  return {
    capabilities: capabilitiesOf(options, context.links && MULTIPART_ROOM + context.links.maxBytes),
    addresses: { toService: (target) => serviceUri(target, domain) },
    messages: {
      parallel: () => accounts.reduce((sum, account) => sum + account.capacity(), 0),
      send: createSend({ options, accounts, linking, domain, clock, gateway, metrics, log }),
      describe: saidAttempt,
      refuses: (message) => refusal(message, options, options.binds, linking.wouldLink),
      ...createRecall({ options, accounts, domain, clock, metrics }),
      ...(options.binds.some(({ deliveryAck }) => deliveryAck) ? { report: createAcknowledge(accounts, clock) } : {}),
    },
    async start() {
      if (options.unsupportedContent === 'link' && !context.links) {
        log.warn(
          'unsupportedContent is link, but http.content.url is not set: only files that have a link already go so',
        )
      }
      store.onWake(async (key) => {
        await receivers.map((receiver) => receiver.wake(key)).find((work) => work !== undefined)
      })
      await Promise.all(accounts.map((account) => account.start()))
    },
    async stop(deadline) {
      await new Promise<void>((resolve) => {
        whenStopped = resolve
        const giveUp = () => {
          for (const account of accounts) account.abort()
          resolve()
        }
        if (deadline.aborted) return giveUp()
        deadline.addEventListener('abort', giveUp, { once: true })
        for (const account of accounts) account.leave()
        if (currentState() === 'stopped') resolve()
      })
      for (const receiver of receivers) receiver.stop()
    },
    health() {
      const now = currentState()
      if (now !== state) since = clock.now()
      state = now
      const links = accounts.flatMap((account) => account.links.map((link) => ({ name: link.name, ...link.state() })))
      const down = links.filter((link) => link.state !== 'bound')
      const detail = down.length === 0 ? 'all links are bound' : down.map((l) => `${l.name}: ${l.detail}`).join('; ')
      return { state, since, detail, links }
    },
  }
}

/** Counts the links that are up, and writes down each that has come or gone. */
function watchLinks(metrics: SmsMetrics, log: AdapterContext['log']) {
  const known = new Map<string, string>()
  return (account: AccountLinks) => {
    let up = 0
    for (const link of account.links) {
      const { state, detail } = link.state()
      if (state === 'bound') up += 1
      if (known.get(link.name) === state) continue
      known.set(link.name, state)
      if (state === 'refused') log.error({ link: link.name, detail }, 'the message centre refuses us')
      else if (state === 'waiting') log.warn({ link: link.name, detail }, 'no link to the message centre')
      else if (state === 'bound') log.info({ link: link.name }, 'bound to the message centre')
    }
    metrics.bindsUp(account.profile.name, up)
  }
}
