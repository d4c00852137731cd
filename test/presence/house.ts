import Fastify from 'fastify'
import { configSchema } from '../../gateway/config/schema.js'
import { createEmbeddedCore, type EmbeddedCore } from '../../gateway/core/embedded-core.js'
import { systemClock } from '../../gateway/cpm/clock.js'
import { createNotifier } from '../../gateway/events/notifier.js'
import { createSubscriber } from '../../gateway/events/subscriber.js'
import { createUserDocuments } from '../../gateway/http/user-documents.js'
import { xcapRoutes } from '../../gateway/http/xcap.js'
import { createInterworking } from '../../gateway/interworking/interworking.js'
import { createRecorder } from '../../gateway/interworking/recorder.js'
import { createMetrics } from '../../gateway/observe/metrics.js'
import { homeUsers, startPresence } from '../../gateway/presence-wiring.js'
import { createSipEdge } from '../../gateway/sip/edge.js'
import { startSipServer } from '../../gateway/sip-server/server.js'
import { createSpool } from '../../gateway/spool/redis-spool.js'
import { createReminders } from '../../gateway/spool/reminders.js'
import { type ManualClock, manualClock } from '../contract-kit/clock.js'
import { DOMAIN } from '../core/support.js'
import { silent } from '../sip/support.js'
import { freshPrefix, openTestRedis } from '../support/redis.js'
import { type PlayedService, playedModule } from './service.js'

/** A gateway as far as presence goes, on real sockets and Redis, with its services played. Time stands until moved. */
export interface House {
  readonly clock: ManualClock
  readonly core: EmbeddedCore | undefined
  /** transport:host:port */
  readonly udp: string
  readonly tcp: string
  readonly prefix: string
  readonly xmpp: PlayedService
  /** Lets the gateway watch for all. */
  readonly open: PlayedService
  readonly faulty: () => number
  /** When the first reminder of a kind is due, ms from now; undefined while none is set. */
  dueIn(kind: string): Promise<number | undefined>
  /** The metrics as Prometheus reads them. */
  readonly metrics: () => Promise<string>
  /** XCAP: puts a document of a user, or one element of it. */
  xcap(
    method: 'GET' | 'PUT' | 'DELETE',
    path: string,
    body?: string,
  ): Promise<{ readonly status: number; readonly body: string }>
  stop(): Promise<void>
}

export interface HouseOptions {
  readonly presence?: object
  readonly sip?: object
  readonly clock?: ManualClock
  /** Those of a house that was stopped, for one that goes on in its place. */
  readonly prefix?: string
  readonly listen?: readonly string[]
  /** Name of the node; one beside another needs its own. */
  readonly node?: string
}

const SECRET = 'test secret'
const MEDIA: Readonly<Record<string, string>> = {
  'pres-rules': 'application/auth-policy+xml',
  'org.openmobilealliance.pres-rules': 'application/auth-policy+xml',
  'resource-lists': 'application/resource-lists+xml',
  'rls-services': 'application/rls-services+xml',
}

export async function startHouse(options: HouseOptions = {}): Promise<House> {
  const { clock = manualClock(), prefix = freshPrefix(), node = 'gw1' } = options
  const server = await startSipServer({
    listen: options.listen ?? ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0, secret: SECRET },
    maxMessageBytes: 65_536,
  })
  const config = configSchema.parse({
    domain: DOMAIN,
    users: {
      alice: { password: 'wonderland', aliases: ['tel:+12065550100'] },
      bob: { password: 'builder' },
      carol: { password: 'christmas' },
    },
    sip: { trust: ['127.0.0.1/32'], ...options.sip },
    presence: { notifyInterval: '0ms', minExpires: '10s', ...options.presence },
    interworking: { services: { xmpp: { adapter: 'xmpp' }, open: { adapter: 'open' }, mail: { adapter: 'mail' } } },
  })
  const metrics = createMetrics()
  const redis = await openTestRedis(prefix)
  const spool = await createSpool(redis, { node, clock: systemClock, log: silent })
  const reminders = createReminders(redis, { clock, log: silent })
  const core = config.sip.core === 'embedded' ? createEmbeddedCore({ config, notes: spool.notes, clock }) : undefined
  const edge = createSipEdge({
    config,
    server: { ...server.control, secret: SECRET },
    ...(core && { core }),
    onRequest: async () => ({ status: 202 }),
    clock: systemClock,
    log: silent,
    metrics: metrics.sip,
  })
  const played = new Map<string, PlayedService>()
  const interworking = createInterworking({
    config,
    adapters: new Map([
      ['xmpp', { module: playedModule(played, 'each'), options: {} }],
      ['open', { module: playedModule(played, 'gateway'), options: {} }],
      ['mail', { module: playedModule(played, 'none'), options: {} }],
    ]),
    spool,
    deliver: async () => ({ kind: 'delivered', said: '200' }),
    directory: core?.directory,
    presence: { users: homeUsers(config, core), reminders, refreshMs: config.presence.refresh },
    recorder: createRecorder(
      metrics,
      { note: () => {}, read: async () => [], stop: async () => {}, follow: async function* () {} },
      silent,
      { record: () => {} },
    ),
    registry: metrics.registry,
    clock,
    log: silent,
  })
  const users = createUserDocuments(config, spool.notes, core, metrics, (owner) => rulesChanged(owner))
  const events = { port: edge, notes: spool.notes, reminders, clock, log: silent }
  let faulty = 0
  const rulesChanged = startPresence({
    ...events,
    config,
    core,
    notifier: createNotifier({ ...events, onLimited: (name) => metrics.badInput('sip', `${name}-limit`) }),
    subscriber: createSubscriber({ ...events, domain: DOMAIN, onFaulty: () => void faulty++ }),
    documents: users.presence,
    interworking: interworking.presence,
    onFaulty: () => void faulty++,
  })
  const http = Fastify()
  http.register(async (xcap) => xcapRoutes(xcap, users.xcap, metrics), { prefix: '/xcap' })
  await edge.start()
  reminders.start()
  await interworking.start()
  // What was set for a time that has passed meanwhile comes without time being moved again.
  const overdue = setInterval(() => clock.advance(0), 5)
  const at = (transport: string) => edge.listening().find((address) => address.startsWith(transport)) ?? ''
  return {
    clock,
    core,
    udp: at('udp:'),
    tcp: at('tcp:'),
    prefix,
    xmpp: played.get('xmpp') as PlayedService,
    open: played.get('open') as PlayedService,
    faulty: () => faulty,
    async dueIn(kind) {
      const all = await redis.command.zrange(`${prefix}:reminders`, 0, -1, 'WITHSCORES')
      const at = all.findIndex((name, index) => index % 2 === 0 && name.startsWith(`${kind}:`))
      return at < 0 ? undefined : Number(all[at + 1]) - clock.now()
    },
    metrics: () => metrics.registry.metrics(),
    async xcap(method, path, body) {
      const type = path.includes('/~~/') ? 'application/xcap-el+xml' : (MEDIA[path.split('/')[0] ?? ''] ?? '')
      const { statusCode, body: said } = await http.inject({
        method,
        url: `/xcap/${path}`,
        ...(body !== undefined && { payload: body, headers: { 'content-type': type } }),
      })
      return { status: statusCode, body: said }
    },
    async stop() {
      clearInterval(overdue)
      const soon = AbortSignal.timeout(1_000)
      await http.close()
      await interworking.stop(soon)
      await reminders.stop(soon)
      await edge.stop()
      await server.stop()
      await spool.stop(soon)
      await redis.stop()
    },
  }
}
