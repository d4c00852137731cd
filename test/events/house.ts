import type { Registrations } from '../../gateway/conversation/port.js'
import { createEmbeddedCore, type EmbeddedCore } from '../../gateway/core/embedded-core.js'
import { systemClock } from '../../gateway/cpm/clock.js'
import { createNotifier } from '../../gateway/events/notifier.js'
import { createSubscriber } from '../../gateway/events/subscriber.js'
import { startRegistrations } from '../../gateway/registration-wiring.js'
import { createSipEdge } from '../../gateway/sip/edge.js'
import type { SipMetrics } from '../../gateway/sip/options.js'
import { startSipServer } from '../../gateway/sip-server/server.js'
import { createAnnouncements } from '../../gateway/spool/announcements.js'
import { createNotes } from '../../gateway/spool/notes.js'
import { createReminders } from '../../gateway/spool/reminders.js'
import { type ManualClock, manualClock } from '../contract-kit/clock.js'
import { testConfig } from '../core/support.js'
import { silent } from '../sip/support.js'
import { freshPrefix, openTestRedis } from '../support/redis.js'

/** A gateway as far as registrations go: SIP server, edge, core or conversation server, and Redis. Time stands until moved. */
export interface House {
  readonly clock: ManualClock
  readonly core: EmbeddedCore | undefined
  readonly registrations: Registrations
  /** transport:host:port */
  readonly udp: string
  readonly tcp: string
  readonly prefix: string
  readonly faulty: readonly string[]
  stop(): Promise<void>
}

export interface HouseOptions {
  readonly sip?: Readonly<Record<string, unknown>>
  readonly clock?: ManualClock
  /** Those of a house that was stopped, for one that goes on in its place; or of one beside it. */
  readonly prefix?: string
  readonly listen?: readonly string[]
  readonly node?: string
  /** The edge takes the server for a drachtio-server, which keeps the dialogs of subscriptions by itself. */
  readonly serverKeepsDialogs?: boolean
}

const SECRET = 'test secret'
const nobody: SipMetrics = {
  requestIn: () => undefined,
  requestOut: () => undefined,
  badInput: () => undefined,
  link: () => undefined,
}

export async function startHouse(options: HouseOptions = {}): Promise<House> {
  const { clock = manualClock(), prefix = freshPrefix(), node = 'gw1' } = options
  const server = await startSipServer({
    listen: options.listen ?? ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0, secret: SECRET },
    maxMessageBytes: 65_536,
  })
  const registration = { notifyInterval: '0ms', minExpires: '1s' }
  const own = options.serverKeepsDialogs ? { server: { ...server.control, secret: SECRET } } : {}
  const config = testConfig({ sip: { registration, ...own, ...options.sip } })
  const redis = await openTestRedis(prefix)
  const notes = createNotes(redis)
  const reminders = createReminders(redis, { clock, log: silent })
  const announcements = await createAnnouncements(redis, node, silent)
  const core = config.sip.core === 'embedded' ? createEmbeddedCore({ config, notes, clock }) : undefined
  const edge = createSipEdge({
    config,
    server: { ...server.control, secret: SECRET },
    ...(core && { core }),
    onRequest: async () => ({ status: 202 }),
    // Its own waits have nothing to do with what is tested here.
    clock: systemClock,
    log: silent,
    metrics: nobody,
  })
  const faulty: string[] = []
  const events = { port: edge, notes, reminders, clock, log: silent }
  const registrations = startRegistrations({
    ...events,
    config,
    core,
    edge,
    announcements,
    notifier: createNotifier(events),
    subscriber: createSubscriber({
      ...events,
      domain: config.domain,
      ...(config.sip.core !== 'embedded' && { core: config.sip.core }),
      onFaulty: (name) => faulty.push(name),
    }),
  })
  await edge.start()
  reminders.start()
  // What was set for a time that has passed meanwhile comes without time being moved again.
  const overdue = setInterval(() => clock.advance(0), 5)
  const at = (transport: string) => edge.listening().find((address) => address.startsWith(transport)) ?? ''
  return {
    clock,
    core,
    registrations,
    udp: at('udp:'),
    tcp: at('tcp:'),
    prefix,
    faulty,
    async stop() {
      clearInterval(overdue)
      await reminders.stop(AbortSignal.timeout(1_000))
      await edge.stop()
      await server.stop()
      announcements.stop()
      await redis.stop()
    },
  }
}
