import { randomBytes } from 'node:crypto'
import { setMaxListeners } from 'node:events'
import type { Logger } from 'pino'
import type { LoadedConfig } from './config/load.js'
import type { Config } from './config/schema.js'
import { createEmbeddedCore } from './core/embedded-core.js'
import { systemClock } from './cpm/clock.js'
import { createNotifier } from './events/notifier.js'
import { createSubscriber } from './events/subscriber.js'
import { createFunctions } from './functions.js'
import type { HealthReport } from './http/health.js'
import { createHttp } from './http/server.js'
import { createUserDocuments } from './http/user-documents.js'
import type { Interworking } from './interworking/interworking.js'
import { startMedia } from './media-wiring.js'
import { createMask } from './observe/mask.js'
import { createMetrics } from './observe/metrics.js'
import { createTrace } from './observe/trace.js'
import { startPresence } from './presence-wiring.js'
import { startRegistrations } from './registration-wiring.js'
import { createSipEdge } from './sip/edge.js'
import type { CpmRequestHandler, SipEdge } from './sip/port.js'
import type { SipServer } from './sip-server/options.js'
import { startSipServerThread } from './sip-server/thread.js'
import { createAnnouncements } from './spool/announcements.js'
import { createContents } from './spool/contents.js'
import { openRedis, type RedisHandle } from './spool/redis.js'
import { createSpool } from './spool/redis-spool.js'
import { createReminders } from './spool/reminders.js'

export interface Appliance {
  /** Where it listens in the end (port 0 chosen). */
  readonly ready: { readonly sip: readonly string[]; readonly http: string }
  /** Resolves when a part without which it cannot work has ended by itself. */
  readonly fatal: Promise<Error>
  /** Takes no more work, finishes what is under way until `deadline`, closes everything. */
  stop(deadline: AbortSignal): Promise<void>
}

export interface ApplianceOptions {
  readonly log: Logger
}

/**
 * The composition root: builds every part from the configuration and starts them in order, from what stores to what
 * listens; the only place that knows all of them. Rejects, with everything closed again, when a part cannot start.
 */
export async function startAppliance(
  { config, adapters }: LoadedConfig,
  { log }: ApplianceOptions,
): Promise<Appliance> {
  const clock = systemClock
  const undo: ((deadline: AbortSignal) => Promise<unknown>)[] = []
  const stop = async (deadline: AbortSignal) => {
    // Every lane and adapter listens to it.
    setMaxListeners(0, deadline)
    for (const close of undo.splice(0).reverse()) await close(deadline)
  }
  let reportFatal: (error: Error) => void = () => {}
  const fatal = new Promise<Error>((resolve) => {
    reportFatal = resolve
  })

  try {
    const metrics = createMetrics()
    const mask = createMask(config.observe.maskNumbers)
    const redis = await openRedis(config.redis, {
      dataDir: config.dataDir,
      log,
      onServer: metrics.redisServer,
    })
    undo.push(() => redis.stop())
    const spool = await createSpool(redis, { node: config.node, clock, log })
    undo.push((deadline) => spool.stop(deadline))
    const contents = createContents(redis, clock, config.http.content.quota)
    const trace = createTrace(redis, {
      node: config.node,
      keep: config.observe.traceKeep,
      clock,
      mask,
      onDropped: metrics.traceDropped,
    })
    undo.push(() => trace.stop())

    const server = await openSipServer(config, reportFatal)
    if (server.embedded) undo.push(server.embedded.stop)
    const core = config.sip.core === 'embedded' ? createEmbeddedCore({ config, notes: spool.notes, clock }) : undefined

    let onRequest: CpmRequestHandler = async () => ({ status: 503, retryAfterSeconds: 5 })
    const edge = createSipEdge({
      config,
      server: server.control,
      isOneOfMany: isShared(config.redis),
      ...(core ? { core } : {}),
      onRequest: (request) => onRequest(request),
      clock,
      log,
      metrics: metrics.sip,
    })
    const users = createUserDocuments(config, spool.notes, core, metrics, (owner) => presenceChanged(owner))
    const reminders = createReminders(redis, { clock, log })
    const announcements = await createAnnouncements(redis, config.node, log)
    undo.push(async () => announcements.stop())
    const events = { port: edge, notes: spool.notes, reminders, clock, log }
    const notifier = createNotifier({ ...events, onLimited: (name) => metrics.badInput('sip', `${name}-limit`) })
    const subscriber = createSubscriber({
      ...events,
      domain: config.domain,
      ...(config.sip.core === 'embedded' ? {} : { core: config.sip.core }),
      onFaulty: (name) => metrics.badInput('sip', name),
    })
    const registrations = startRegistrations({
      ...events,
      config,
      core,
      edge,
      announcements,
      notifier,
      subscriber,
    })
    const media = await startMedia({
      config: config.media,
      trust: [...LOOPBACK, ...config.sip.trust],
      clock,
      count: metrics.msrp,
      log,
    })
    undo.push(() => media.close())
    const functions = createFunctions({
      config,
      adapters,
      edge,
      media: media.endpoint,
      redis,
      spool,
      contents,
      core,
      preferences: users.preferences,
      registrations,
      notifier,
      reminders,
      trace,
      metrics,
      clock,
      log,
    })
    const { interworking } = functions
    const presenceChanged = startPresence({
      ...events,
      config,
      core,
      notifier,
      subscriber,
      documents: users.presence,
      interworking: interworking.presence,
      onFaulty: () => metrics.badInput('sip', 'presence'),
    })

    await edge.start()
    undo.push(() => edge.stop())
    reminders.start()
    undo.push((deadline) => reminders.stop(deadline))
    await functions.start()
    undo.push((deadline) => functions.stop(deadline))
    onRequest = functions.handle
    undo.push(async () => {
      onRequest = async () => ({ status: 503, retryAfterSeconds: 5 })
    })

    metrics.observe({
      lanes: spool.lanes,
      failed: spool.failedCount,
      sessions: () => ({
        dialog: edge.sessions.legs(),
        msrp: media.endpoint.sessions,
        group: functions.groupSessions(),
        guest: interworking.sessions?.guests() ?? 0,
      }),
      ...(server.embedded ? { sipServer: server.embedded.stats } : {}),
      adapters: () => adapterStates(interworking).map(({ name, health }) => ({ name, state: health.state })),
    })
    const http = await createHttp({
      config: config.http,
      metrics,
      users: users.administration,
      recall: interworking.recall,
      contents,
      xcap: users.xcap,
      history: functions.history,
      health: () => healthReport(redis, edge, interworking),
      trace,
      spool,
      mask,
      log,
    })
    undo.push(() => http.stop())
    return { ready: { sip: server.embedded?.listening ?? edge.listening(), http: http.listening }, fatal, stop }
  } catch (error) {
    await stop(AbortSignal.timeout(5_000))
    throw error
  }
}

/** A Redis of our own is of this node alone. */
const isShared = (redis: Config['redis']): boolean =>
  redis !== 'embedded' && (typeof redis === 'string' || !('embedded' in redis))

const LOOPBACK = ['127.0.0.0/8', '::1']

/** The drachtio-server of the configuration, or an embedded one on a control port and with a secret nobody else knows. */
async function openSipServer(config: Config, onExit: (error: Error) => void) {
  if (config.sip.server !== 'embedded') return { control: config.sip.server, embedded: undefined }
  const secret = randomBytes(24).toString('base64url')
  const embedded: SipServer = await startSipServerThread({
    listen: config.sip.listen,
    ...(config.sip.tls ? { tls: config.sip.tls } : {}),
    limits: { ...config.sip.limits, unlimited: [...LOOPBACK, ...config.sip.trust] },
    control: { host: '127.0.0.1', port: 0, secret },
    maxMessageBytes: config.sip.maxMessage,
    onExit,
  })
  return { control: { ...embedded.control, secret }, embedded }
}

const adapterStates = ({ services }: Interworking) =>
  [...services.values()].map(({ id, adapter }) => ({ name: id as string, health: adapter.health() }))

/** A service that is down does not make the node unready: what is for it waits in the spool. */
async function healthReport(redis: RedisHandle, edge: SipEdge, interworking: Interworking): Promise<HealthReport> {
  const reasons: string[] = []
  if (!(await redis.healthy())) reasons.push('Redis does not take writes')
  if (!edge.healthy()) reasons.push('the link to the SIP server is down')
  return { ready: reasons.length === 0, reasons, adapters: adapterStates(interworking) }
}
