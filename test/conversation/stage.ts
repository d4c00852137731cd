import { createSocket } from 'node:dgram'
import { pino } from 'pino'
import { expect, onTestFinished } from 'vitest'
import { z } from 'zod'
import type { AdapterModule, GatewayPort, OutboundMessage, SendOutcome } from '../../adapters/contract/index.js'
import type { PreferencesDocument } from '../../gateway/config/preferences.js'
import { configSchema } from '../../gateway/config/schema.js'
import { createDeferred } from '../../gateway/conversation/deferred/deferred.js'
import { createDeferredRecorder } from '../../gateway/conversation/deferred/recorder.js'
import { createUndelivered } from '../../gateway/conversation/deferred/undelivered.js'
import { createHistory, type History } from '../../gateway/conversation/history.js'
import type { ControllingFunction, DeferredMessaging, Registrations } from '../../gateway/conversation/port.js'
import { createConversationRecorder } from '../../gateway/conversation/recorder.js'
import { type ConversationServer, createConversationServer } from '../../gateway/conversation/server.js'
import { createLargeSender } from '../../gateway/conversation/session/large/send.js'
import { createSessionRecorder } from '../../gateway/conversation/session/recorder.js'
import { createSessionServer, type SessionServer } from '../../gateway/conversation/session/session-server.js'
import { createEmbeddedCore } from '../../gateway/core/embedded-core.js'
import { type Clock, systemClock } from '../../gateway/cpm/clock.js'
import type { ServiceId, ServiceMessageId, Uri } from '../../gateway/cpm/ids.js'
import { createUserDocuments } from '../../gateway/http/user-documents.js'
import type { AddressBook } from '../../gateway/interworking/address-book.js'
import { createInterworking, type Interworking } from '../../gateway/interworking/interworking.js'
import { createRecorder } from '../../gateway/interworking/recorder.js'
import { startMedia } from '../../gateway/media-wiring.js'
import type { MsrpEndpoint } from '../../gateway/msrp/endpoint.js'
import { type ChargingRecord, createCharging } from '../../gateway/observe/charging.js'
import { createMetrics } from '../../gateway/observe/metrics.js'
import type { Trace } from '../../gateway/observe/trace.js'
import { createSipEdge } from '../../gateway/sip/edge.js'
import type { SipEdge } from '../../gateway/sip/port.js'
import { startSipServer } from '../../gateway/sip-server/server.js'
import { type Archive, createArchive } from '../../gateway/spool/archive.js'
import { type Boxes, createBoxes } from '../../gateway/spool/boxes.js'
import { createSpool } from '../../gateway/spool/redis-spool.js'
import { type Inbox, inbox } from '../../scripts/rig/inbox.js'
import { answerTo, header, readSip, type SipText, writeSip } from '../../scripts/rig/sip-text.js'
import { openUserAgent, type UserAgent } from '../../scripts/rig/user-agent.js'
import { freshPrefix, openTestRedis } from '../support/redis.js'

export const DOMAIN = 'cpm.example'
const SECRET = 'test secret'
const silent = pino({ level: process.env.STAGE_LOG ?? 'silent' })

const USERS = {
  alice: { password: 'alice-secret', name: 'Alice', aliases: ['tel:+12065550101'] },
  bob: { password: 'bob-secret', aliases: ['tel:+12065550102'] },
  carol: { password: 'carol-secret' },
} as const
export type UserName = keyof typeof USERS

export interface StageOptions {
  readonly conversation?: object
  /** Preferences of users, as in the configuration. */
  readonly preferences?: Partial<Record<UserName, object>>
  /** Services played by the test; each takes every message unless told otherwise. imps has wv: addresses, the others numbers. */
  readonly services?: Readonly<Record<string, object>>
  readonly policies?: object
  /** Prefix of what is stored: two stages with the same one are one gateway before and after. */
  readonly prefix?: string
  /** UDP port of SIP; default: any. */
  readonly port?: number
  /** URI of an external core. */
  readonly core?: string
  /** What a test plays of deferred messaging. */
  readonly deferred?: Partial<DeferredMessaging>
  readonly controlling?: ControllingFunction
  readonly clock?: Clock
  /** Who is registered, as an external core tells. */
  readonly registrations?: Registrations
  readonly sessions?: object
  readonly media?: object
  /** Stores for what waits and for histories; default: those built in. */
  readonly boxes?: Boxes
  readonly archive?: Archive
  readonly book?: AddressBook
}

export interface PlayedService {
  readonly offered: Inbox<OutboundMessage>
  readonly told: Inbox<{ readonly to: string; readonly state: string }>
  answer: () => SendOutcome
  /** Told of each message as it is offered. */
  onOffered: (message: OutboundMessage) => void
  gateway: GatewayPort
}

export interface Stage {
  /** Leaves everything as a killed process would. */
  abandon(): Promise<void>
  readonly sip: { readonly host: string; readonly port: number }
  readonly conversation: ConversationServer
  readonly edge: SipEdge
  readonly sessions: SessionServer
  readonly media: MsrpEndpoint
  readonly history: History
  readonly interworking: Interworking
  readonly charged: ChargingRecord[]
  /** Stations of messages in the trace, in order. */
  readonly traced: readonly string[]
  readonly metrics: ReturnType<typeof createMetrics>
  readonly service: (name: string) => PlayedService
  /** The user states preferences of his own. */
  prefer(user: UserName, document: PreferencesDocument): Promise<unknown>
  /** A device of the user, registered; `features` are those of its Contact. */
  device(user: UserName, options?: { readonly features?: string; readonly reports?: boolean }): Promise<UserAgent>
}

/** The conversation server with the rooms around it, SIP on loopback and the services played: all but the process. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const clock = options.clock ?? systemClock
  const config = configSchema.parse({
    domain: DOMAIN,
    sip: { core: options.core ?? 'embedded', trust: ['127.0.0.1/32'] },
    users: Object.fromEntries(
      Object.entries(USERS).map(([name, user]) => {
        const preferences = options.preferences?.[name as UserName]
        return [name, { ...user, ...(preferences && { preferences }) }]
      }),
    ),
    conversation: options.conversation ?? {},
    sessions: options.sessions ?? {},
    media: options.media ?? {},
    interworking: {
      services: Object.fromEntries(
        Object.entries(options.services ?? {}).map(([id, extra]) => [id, { adapter: id, ...extra }]),
      ),
      policies: { retry: { first: '50ms', factor: 1, max: '50ms' }, ...options.policies },
    },
  })
  const redis = await openTestRedis(options.prefix ?? freshPrefix())
  const spool = await createSpool(redis, { node: 'gw1', clock: systemClock, log: silent })
  const server = await startSipServer({
    listen: [`udp:127.0.0.1:${options.port ?? 0}`, 'tcp:127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0, secret: SECRET },
    maxMessageBytes: 65_536,
  })
  const core = options.core ? undefined : createEmbeddedCore({ config, notes: spool.notes, clock })
  const metrics = createMetrics()
  const charged: ChargingRecord[] = []
  const traced: string[] = []
  const trace: Trace = {
    note: (_, { what, line }) => void traced.push(`${what}: ${line}`),
    read: async () => [],
    stop: async () => {},
    follow: async function* () {},
  }
  const charging = {
    record(record: ChargingRecord) {
      charged.push(record)
      createCharging(silent, metrics, true).record(record)
    },
  }
  const edge = createSipEdge({
    config,
    server: { ...server.control, secret: SECRET },
    ...(core && { core }),
    onRequest: (request) => conversation.handle(request),
    // Moved, it would think the SIP server silent.
    clock: systemClock,
    log: silent,
    metrics: metrics.sip,
  })
  const registrations: Registrations = options.registrations ?? {
    devices: async (user) => {
      const bindings = await core?.registrar.bindings(user)
      return bindings?.map((binding) => ({ ...binding, q: qOf(binding) })) ?? 'unknown'
    },
    onAvailable: (listener) => core?.registrar.onRegistered(listener),
  }
  const { preferences, administration } = createUserDocuments(config, spool.notes, core, metrics)
  const history = createHistory({
    archive: options.archive ?? createArchive(redis),
    preferences,
    policies: config.conversation.history,
    clock,
    onError: (error) => silent.warn({ err: error }),
  })
  const { endpoint: media, close: closeMedia } = await startMedia({
    config: config.media,
    trust: ['127.0.0.0/8'],
    clock: systemClock,
    count: metrics.msrp,
    log: silent,
  })
  const conversation = createConversationServer({
    config,
    edge: createLargeSender({
      edge,
      endpoint: media,
      policies: config.sessions.largeMessages,
      maxMessage: config.sip.maxMessage,
      clock: systemClock,
    }),
    spool,
    directory: core?.directory,
    registrations,
    preferences,
    deferred: () => ({ ...deferred, ...options.deferred }),
    history,
    controlling: () => options.controlling,
    interworking: () => interworking,
    recorder: createConversationRecorder(metrics, trace, charging),
    clock,
  })
  const deferred = createDeferred({
    spool,
    boxes: options.boxes ?? createBoxes(redis),
    toDevices: conversation.toDevices,
    preferences,
    registrations,
    policies: config.conversation.deferred,
    retry: config.interworking.policies.retry,
    domain: DOMAIN,
    clock,
    recorder: createDeferredRecorder(metrics, trace),
    undelivered: createUndelivered((work) => interworking.notify(work)),
    onError: (error) => silent.warn({ err: error }),
  })
  const played = new Map<string, PlayedService>()
  const interworking: Interworking = createInterworking({
    config,
    adapters: new Map(
      Object.keys(options.services ?? {}).map((id) => [id, { module: playedModule(played), options: {} }]),
    ),
    spool,
    deliver: conversation.deliver,
    directory: core?.directory,
    ...(options.book && { book: options.book }),
    recorder: createRecorder(metrics, trace, silent, charging),
    registry: metrics.registry,
    clock: systemClock,
    log: silent,
  })
  core?.registrar.onRegistered((user) => void interworking.reachable(user).catch(() => {}))
  const sessions = createSessionServer({
    config,
    edge: edge.sessions,
    endpoint: media,
    directory: core?.directory,
    registrations,
    preferences,
    focus: () => undefined,
    interworking: () => undefined,
    messages: { handle: conversation.handle, notify: (work) => interworking.notify(work), spool },
    recorder: createSessionRecorder(metrics, charging, { note: () => undefined }),
    clock,
  })
  await edge.start()
  sessions.start()
  await interworking.start()
  conversation.start()
  deferred.start()
  const agents: UserAgent[] = []
  let isOpen = true
  const close = async (deadline: AbortSignal) => {
    if (!isOpen) return
    isOpen = false
    for (const agent of agents) agent.close()
    await sessions.stop(deadline)
    await deferred.stop(deadline)
    await conversation.stop(deadline)
    await interworking.stop(deadline)
    await edge.stop()
    await closeMedia()
    await server.stop()
    await spool.stop(deadline)
    await redis.stop()
  }
  onTestFinished(() => close(AbortSignal.timeout(2_000)))
  const udp = edge.listening().find((address) => address.startsWith('udp:')) ?? ''
  const sip = { host: '127.0.0.1', port: Number(udp.slice(udp.lastIndexOf(':') + 1)) }
  return {
    sip,
    edge,
    sessions,
    media,
    abandon: () => close(AbortSignal.abort()),
    conversation,
    history,
    interworking,
    charged,
    traced,
    metrics,
    service: (name) => played.get(name) as PlayedService,
    prefer: (user, document) => administration.documents.write(`sip:${user}@${DOMAIN}` as Uri, document),
    async device(user, { features, reports } = {}) {
      const agent = await openUserAgent({
        server: sip,
        domain: DOMAIN,
        user,
        password: USERS[user].password,
        ...(features === undefined ? {} : { features }),
        ...(reports === undefined ? {} : { reports }),
      })
      agents.push(agent)
      expect((await agent.register()).status).toBe(200)
      return agent
    },
  }
}

const qOf = (binding: object): number => {
  const q = 'q' in binding ? binding.q : 'parameters' in binding && /;q=([\d.]+)/.exec(String(binding.parameters))?.[1]
  return q ? Number(q) : 1
}

let references = 0

function playedModule(played: Map<string, PlayedService>): AdapterModule<unknown> {
  return {
    options: z.unknown(),
    create: (_, context) => {
      const service: PlayedService = {
        offered: inbox<OutboundMessage>(({ from, to }) => `${from} > ${to}`),
        told: inbox<{ readonly to: string; readonly state: string }>(({ to, state }) => `${state} > ${to}`),
        answer: () => {
          const id = `ref-${++references}`
          const parts = [{ id: id as ServiceMessageId, keys: [id] }]
          return { kind: 'accepted', parts, reportExpected: true, said: id }
        },
        onOffered: () => {},
        gateway: context.gateway,
      }
      played.set(context.service as ServiceId, service)
      const scheme = context.service === 'imps' ? 'wv:' : 'tel:+'
      return {
        capabilities: {
          schemes: [scheme.split(':', 1)[0] ?? ''],
          media: ['text/plain'],
          maxBytes: 1_000,
          reports: { delivered: true, displayed: true },
          sessions: false,
          presence: false,
        },
        addresses: { toService: (uri) => (uri.startsWith(scheme) ? uri : undefined) },
        messages: {
          parallel: () => 10,
          refuses: () => undefined,
          async send(message) {
            service.offered.push(message)
            service.onOffered(message)
            return service.answer()
          },
          async report({ to, state }) {
            service.told.push({ to, state })
            return { kind: 'delivered' }
          },
        },
        start: () => Promise.resolve(),
        stop: () => Promise.resolve(),
        health: () => ({ state: 'up', since: 0, detail: '', links: [] }),
      }
    },
  }
}

/** A SIP/IP core as the gateway sees one: what it sends, and what it is sent. */
export interface PlayedCore {
  readonly uri: string
  /** Requests of the gateway, answered already. */
  readonly requests: Inbox<SipText>
  /** Status for a request of the gateway; 0: none. Default 200. */
  answer: (request: SipText) => number
  /** Sends a MESSAGE to the gateway and gives its final answer. */
  send(request: {
    readonly target: string
    readonly route: string
    readonly headers: SipText['headers']
    readonly body: string
  }): Promise<SipText>
  /** Where the gateway listens. */
  gateway: { readonly host: string; readonly port: number }
}

export async function openCore(): Promise<PlayedCore> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address()
  onTestFinished(() => void socket.close())
  const pending = new Map<string, (answer: SipText) => void>()
  const seen = new Set<string>()
  let sequence = 0
  const core: PlayedCore = {
    uri: `sip:127.0.0.1:${port}`,
    requests: inbox<SipText>(({ startLine }) => startLine),
    answer: () => 200,
    gateway: { host: '127.0.0.1', port: 0 },
    send({ target, route, headers, body }) {
      const branch = `z9hG4bKcore${++sequence}`
      const lines: [string, string][] = [
        ['Via', `SIP/2.0/UDP 127.0.0.1:${port};branch=${branch}`],
        ['Max-Forwards', '60'],
        ['Route', route],
        ['From', '<sip:someone@core.example>;tag=c'],
        ['To', `<${target}>`],
        ['Call-ID', branch],
        ['CSeq', '1 MESSAGE'],
        ['Content-Type', 'message/cpim'],
      ]
      const given = new Set(headers.map(([name]) => name))
      const octets = writeSip(
        `MESSAGE ${target} SIP/2.0`,
        [...lines.filter(([name]) => !given.has(name)), ...headers],
        body,
      )
      return new Promise((resolve) => {
        pending.set(branch, resolve)
        socket.send(octets, core.gateway.port, core.gateway.host)
      })
    },
  }
  socket.on('message', (data, from) => {
    const message = readSip(data)
    if (!message) return
    const branch = /branch=([^;,\s]+)/.exec(header(message, 'via'))?.[1] ?? ''
    if (message.status > 0) {
      if (message.status >= 200) pending.get(branch)?.(message)
      return
    }
    const status = core.answer(message)
    if (status > 0) socket.send(answerTo(message, status, 'Said So'), from.port, from.address)
    if (seen.has(branch)) return
    seen.add(branch)
    core.requests.push(message)
  })
  return core
}
