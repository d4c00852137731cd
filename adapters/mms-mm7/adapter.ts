import { overallState } from '../contract/health.js'
import type { AdapterContext, AdapterHealth, ServiceAdapter, ServiceCapabilities } from '../contract/index.js'
import { type AccountClient, createAccount } from './client/account.js'
import { refusal } from './compose.js'
import { createThreads } from './linked.js'
import { serviceUri } from './mapping/address.js'
import { saidAttempt } from './mapping/said.js'
import { CARRIED_OTHERWISE } from './mapping/to-parts.js'
import { mmsMetrics } from './metrics.js'
import type { MmsOptions } from './profile.js'
import { createRecall } from './recall.js'
import { createReceiver } from './receive.js'
import { createSend } from './send.js'
import { isOpenToAll } from './server/access.js'
import { createServer } from './server/server.js'

/** What MMS can carry: text and media for numbers, with delivery reports and read replies where they can reach us. */
function capabilitiesOf(options: MmsOptions): ServiceCapabilities {
  const { accounts, inbound } = options
  return {
    schemes: options.mailRecipients ? ['tel', 'mailto'] : ['tel'],
    media: [...options.types, ...CARRIED_OTHERWISE, 'image/*', 'multipart/*'],
    maxBytes: options.maxSource,
    reports: {
      delivered: inbound !== undefined && accounts.some(({ deliveryReports }) => deliveryReports),
      displayed: inbound !== undefined && accounts.some(({ readReplies }) => readReplies),
    },
    sessions: false,
    presence: false,
    laterDelivery: accounts.every(({ earliestDelivery, release }) => earliestDelivery && release.startsWith('REL-6')),
  }
}

/** MMS over MM7: one adapter with all accounts of its profile, and the server for what MMSCs bring. */
export function createMmsAdapter(options: MmsOptions, context: AdapterContext): ServiceAdapter {
  const { gateway, clock, log, store, domain } = context
  const metrics = mmsMetrics(context.metrics, context.service)
  const threads = createThreads(store)
  const accounts = options.accounts.map((profile) => {
    const account: AccountClient = createAccount(profile, clock, () => {
      note(account)
      gateway.healthChanged()
    })
    return account
  })
  const { inbound } = options
  const server =
    inbound &&
    createServer(
      inbound,
      createReceiver({ options, inbound, threads, domain, gateway, metrics, log }),
      metrics,
      clock,
      log,
    )
  let listening = ''
  let since = clock.now()
  let state: AdapterHealth['state'] = 'connecting'

  function note({ profile, state: read }: AccountClient): void {
    const { state: now, detail } = read()
    metrics.reachable(profile.name, now === 'up')
    if (now === 'refused') log.error({ account: profile.name, detail }, 'the MMSC refuses us')
    else if (now === 'down') log.warn({ account: profile.name, detail }, 'the MMSC cannot be reached')
    else if (now === 'up') log.info({ account: profile.name }, 'the MMSC can be reached')
  }

  const currentState = () => overallState(accounts.map((account) => account.state().state))

  return {
    capabilities: capabilitiesOf(options),
    addresses: { toService: (target) => serviceUri(target, domain, options.mailRecipients) },
    messages: {
      parallel: () =>
        accounts.reduce((sum, account) => sum + account.capacity() * account.profile.together.recipients, 0),
      send: createSend({ options, accounts, threads, links: context.links, clock, gateway, metrics, log }),
      describe: saidAttempt,
      refuses: (message) => refusal(message, options, context.links !== undefined),
      ...createRecall({ options, accounts, clock, metrics }),
    },
    async start() {
      if (server) {
        const port = await server.start()
        listening = `, listening on port ${port}`
        if (inbound && isOpenToAll(inbound)) log.warn({ port }, 'anybody who gets here may bring messages and reports')
        log.info({ port, path: inbound?.path }, 'MMSCs may bring messages')
      }
      if (options.leftOut === 'link' && !context.links) log.warn('leftOut is link, but http.content.url is not set')
      for (const account of accounts) account.start()
    },
    async stop(deadline) {
      const giveUp = () => {
        for (const account of accounts) account.abort()
        server?.abort()
      }
      if (deadline.aborted) giveUp()
      else deadline.addEventListener('abort', giveUp, { once: true })
      await Promise.all([...accounts.map((account) => account.leave()), server?.stop()])
      deadline.removeEventListener('abort', giveUp)
    },
    health() {
      const now = currentState()
      if (now !== state) since = clock.now()
      state = now
      const links = accounts.map((account) => ({ name: account.profile.name, ...account.state() }))
      const down = links.filter((link) => link.state !== 'up')
      const detail =
        down.length === 0
          ? `every MMSC can be reached${listening}`
          : down.map((l) => `${l.name}: ${l.detail}`).join('; ')
      return { state, since, detail, links }
    },
  }
}
