import { pino } from 'pino'
import { expect, onTestFinished } from 'vitest'
import { z } from 'zod'
import type { AdapterModule, GatewayPort, OutboundMessage, SendOutcome } from '../../../adapters/contract/index.js'
import { configSchema } from '../../../gateway/config/schema.js'
import { createDeferred } from '../../../gateway/conversation/deferred/deferred.js'
import { createDeferredRecorder } from '../../../gateway/conversation/deferred/recorder.js'
import { createUndelivered } from '../../../gateway/conversation/deferred/undelivered.js'
import { type ControllingService, createControlling } from '../../../gateway/conversation/group/controlling.js'
import { createGroupRecorder } from '../../../gateway/conversation/group/recorder.js'
import { throughGroups } from '../../../gateway/conversation/group/through-groups.js'
import type { Registrations } from '../../../gateway/conversation/port.js'
import { createConversationRecorder } from '../../../gateway/conversation/recorder.js'
import { createConversationServer } from '../../../gateway/conversation/server.js'
import { createEmbeddedCore } from '../../../gateway/core/embedded-core.js'
import { systemClock } from '../../../gateway/cpm/clock.js'
import type { ServiceMessageId } from '../../../gateway/cpm/ids.js'
import { createUserDocuments } from '../../../gateway/http/user-documents.js'
import { createInterworking, type Interworking } from '../../../gateway/interworking/interworking.js'
import { createRecorder } from '../../../gateway/interworking/recorder.js'
import { createMetrics } from '../../../gateway/observe/metrics.js'
import { createSipEdge } from '../../../gateway/sip/edge.js'
import type { CpmRequestHandler } from '../../../gateway/sip/port.js'
import { startSipServer } from '../../../gateway/sip-server/server.js'
import { createBoxes } from '../../../gateway/spool/boxes.js'
import { createSpool } from '../../../gateway/spool/redis-spool.js'
import type { Spool } from '../../../gateway/spool/spool.js'
import { type ReadImdn, readCpim, writeImdn } from '../../../scripts/rig/cpim.js'
import { type Inbox, inbox } from '../../../scripts/rig/inbox.js'
import type { SipText } from '../../../scripts/rig/sip-text.js'
import { openUserAgent, type UserAgent } from '../../../scripts/rig/user-agent.js'
import { noHistory } from '../../http/no-history.js'
import { freshPrefix, openTestRedis } from '../../support/redis.js'

export const DOMAIN = 'cpm.example'
export const FRIENDS = 'sip:friends@groups.cpm.example'
export const LISTS = `sip:lists@${DOMAIN}`
export const BOTH = ['positive-delivery', 'negative-delivery']
const SECRET = 'test secret'
const silent = pino({ level: process.env.TEST_LOG ?? 'silent' })
const off = { note: () => {}, read: async () => [], stop: async () => {}, follow: async function* () {} }
const charging = { record: () => {} }

/** By their name; the number is an alias of each. */
const NUMBERS = { alice: '01', bob: '02', carol: '03', dave: '04', erin: '05' } as const
export type UserName = keyof typeof NUMBERS
export const uriOf = (user: UserName): string => `sip:${user}@${DOMAIN}`
export const numberOf = (user: UserName): string => `tel:+120655501${NUMBERS[user]}`
const passwordOf = (user: UserName): string => `${user}-secret`

export interface StageOptions {
  /** `groups.defined`, and `groups.lists`. */
  readonly groups?: Readonly<Record<string, object>>
  readonly lists?: object
  readonly services?: Readonly<Record<string, object>>
  readonly policies?: object
  readonly preferences?: Partial<Record<UserName, object>>
  /** Octets of a SIP message at most. */
  readonly maxMessage?: string
  /** Whoever is on loopback may assert identities. */
  readonly trust?: boolean
  /** URI of an external core. */
  readonly core?: string
  /** Times an item may be handed over in vain. */
  readonly maxCrashes?: number
  /** Stands between the controlling function and the spool. */
  readonly spool?: (spool: Spool) => Spool
}

export interface PlayedService {
  readonly offered: Inbox<OutboundMessage>
  answer: (message: OutboundMessage) => SendOutcome
  gateway: GatewayPort
}

export interface Stage {
  readonly sip: { readonly host: string; readonly port: number; readonly tcp: number }
  readonly metrics: ReturnType<typeof createMetrics>
  controlling(): ControllingService
  handle: CpmRequestHandler
  service(name?: string): PlayedService
  device(user: UserName, options?: { readonly reports?: boolean; readonly registers?: boolean }): Promise<UserAgent>
  /** Leaves everything as a killed process would, and begins again on the same store. */
  restart(spool?: StageOptions['spool']): Promise<void>
}

/** The conversation server with its groups, on SIP over loopback, with services played by the test. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const config = configSchema.parse({
    domain: DOMAIN,
    sip: {
      core: options.core ?? 'embedded',
      trust: options.core || options.trust ? ['127.0.0.1/32'] : [],
      auth: { algorithms: ['MD5'] },
      ...(options.maxMessage && { maxMessage: options.maxMessage }),
    },
    users: Object.fromEntries(
      (Object.keys(NUMBERS) as UserName[]).map((name) => [
        name,
        {
          password: passwordOf(name),
          name: `${name.charAt(0).toUpperCase()}${name.slice(1)}`,
          aliases: [numberOf(name)],
          preferences: options.preferences?.[name] ?? {},
        },
      ]),
    ),
    groups: { defined: options.groups ?? {}, lists: options.lists ?? {} },
    interworking: {
      services: Object.fromEntries(
        Object.entries(options.services ?? {}).map(([id, extra]) => [id, { adapter: id, ...extra }]),
      ),
      policies: { retry: { first: '50ms', factor: 1, max: '50ms' }, ...options.policies },
    },
  })
  const prefix = freshPrefix()
  const server = await startSipServer({
    listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0, secret: SECRET },
    maxMessageBytes: 1_048_576,
  })
  const metrics = createMetrics()
  const played = new Map<string, PlayedService>()

  async function begin(between: StageOptions['spool'] = (spool) => spool) {
    const redis = await openTestRedis(prefix)
    const spool = await createSpool(redis, {
      node: 'gw1',
      clock: systemClock,
      log: silent,
      ...(options.maxCrashes === undefined ? {} : { maxCrashes: options.maxCrashes }),
    })
    const clock = systemClock
    const core = options.core ? undefined : createEmbeddedCore({ config, notes: spool.notes, clock })
    const edge = createSipEdge({
      config,
      server: { ...server.control, secret: SECRET },
      ...(core && { core }),
      onRequest: (request) => conversation.handle(request),
      clock,
      log: silent,
      metrics: metrics.sip,
    })
    const users = createUserDocuments(config, spool.notes, core, metrics)
    const registrations: Registrations = {
      devices: async (user) =>
        (await core?.registrar.bindings(user))?.map((binding) => ({ ...binding, q: 1 })) ?? 'unknown',
      onAvailable: (listener) => core?.registrar.onRegistered(listener),
    }
    const conversation = createConversationServer({
      config,
      edge,
      spool,
      directory: core?.directory,
      registrations,
      preferences: users.preferences,
      deferred: () => deferred,
      controlling: () => controlling,
      history: noHistory,
      interworking: () => interworking,
      recorder: createConversationRecorder(metrics, off, charging),
      clock,
    })
    const deferred = createDeferred({
      spool,
      boxes: createBoxes(redis),
      toDevices: conversation.toDevices,
      preferences: users.preferences,
      registrations,
      policies: config.conversation.deferred,
      retry: config.interworking.policies.retry,
      domain: DOMAIN,
      clock,
      recorder: createDeferredRecorder(metrics, off),
      undelivered: createUndelivered((work) => interworking.notify(work)),
      onError: () => {},
    })
    const controlling = createControlling({
      config,
      spool: between(spool),
      deliver: conversation.deliver,
      interworking: { accept: (request, message) => interworking.accept(request, message) },
      directory: core?.directory,
      policies: config.interworking.policies,
      parallel: config.sip.outboundParallel,
      recorder: createGroupRecorder(metrics, off, charging),
      clock,
    })
    const interworking: Interworking = createInterworking({
      config,
      adapters: new Map(
        Object.keys(options.services ?? {}).map((id) => [id, { module: playedModule(played), options: {} }]),
      ),
      spool,
      deliver: throughGroups(controlling, conversation.deliver),
      isGroup: controlling.hosts,
      directory: core?.directory,
      recorder: createRecorder(metrics, off, silent, charging),
      registry: metrics.registry,
      clock,
      log: silent,
    })
    core?.registrar.onRegistered((user) => {
      void Promise.all([interworking.reachable(user), controlling.reachable(user)]).catch(() => {})
    })
    await edge.start()
    await interworking.start()
    controlling.start()
    deferred.start()
    conversation.start()
    return {
      controlling,
      handle: conversation.handle,
      edge,
      async end(deadline: AbortSignal) {
        await controlling.stop(deadline)
        await deferred.stop(deadline)
        await conversation.stop(deadline)
        await interworking.stop(deadline)
        await edge.stop()
        await spool.stop(deadline)
        await redis.stop()
      },
    }
  }

  let house = await begin(options.spool)
  const agents: UserAgent[] = []
  onTestFinished(async () => {
    for (const agent of agents) agent.close()
    await house.end(AbortSignal.timeout(2_000))
    await server.stop()
  })
  const portOf = (transport: string): number => {
    const address = house.edge.listening().find((each) => each.startsWith(`${transport}:`)) ?? ''
    return Number(address.slice(address.lastIndexOf(':') + 1))
  }
  const sip = { host: '127.0.0.1', port: portOf('udp'), tcp: portOf('tcp') }
  return {
    sip,
    metrics,
    controlling: () => house.controlling,
    handle: (request) => house.handle(request),
    service: (name = 'sms') => played.get(name) as PlayedService,
    async device(user, { reports, registers = true } = {}) {
      const agent = await openUserAgent({
        server: sip,
        domain: DOMAIN,
        user,
        password: passwordOf(user),
        ...(reports === undefined ? {} : { reports }),
      })
      agents.push(agent)
      if (registers) expect((await agent.register()).status).toBe(200)
      return agent
    },
    async restart(spool) {
      await house.end(AbortSignal.abort())
      house = await begin(spool)
    },
  }
}

/** A group with these members, whose reports are gathered for a moment only. */
export const friends = (members: readonly string[], more: object = {}): Record<string, object> => ({
  friends: { address: FRIENDS, name: 'Friends', members, reports: { wait: '300ms' }, ...more },
})

/** The notifications in a message, one or several. */
export function notificationsIn({ body }: SipText): readonly ReadImdn[] {
  const text = readCpim(body)?.text ?? ''
  return [...text.matchAll(/<imdn [\s\S]*?<\/imdn>/g)].map(([imdn]) => {
    const element = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(imdn)?.[1] ?? ''
    const status = /<(?:\w+:)?status>\s*<(?:\w+:)?([\w-]+)\s*\/>/.exec(imdn)?.[1] ?? ''
    return { messageId: element('message-id'), recipient: element('recipient-uri'), status }
  })
}

/** The next message with notifications. */
export async function nextNotifications(device: UserAgent, withinMs = 10_000): Promise<readonly ReadImdn[]> {
  const isReport = ({ request }: { request: SipText }) => notificationsIn(request).length > 0
  const { request } = await device.messages.next('notifications', isReport, withinMs)
  return notificationsIn(request)
}

/** `bob delivered`, in the order of the alphabet. */
export const told = (notifications: readonly ReadImdn[]): readonly string[] =>
  notifications.map(({ recipient, status }) => `${recipient.replace(`@${DOMAIN}`, '')} ${status}`).sort()

/** A notification that the device makes by itself; `recipient` is who it says it speaks for. */
export function report(
  device: UserAgent,
  to: string,
  of: {
    readonly messageId: string
    readonly status?: 'delivered' | 'displayed' | 'failed'
    readonly recipient?: string
  },
): Promise<SipText> {
  const { messageId, status = 'delivered', recipient = device.uri } = of
  const imdn = writeImdn({ from: device.uri, to, messageId, dateTime: '2026-01-02T03:04:05.000Z', status })
  return device.message(to, imdn.replace(/<recipient-uri>[^<]*/, `<recipient-uri>${recipient}`))
}

export const fromHandset = (from: string, to: string, text: string) =>
  ({
    id: `in-${++references}`,
    rememberMs: 60_000,
    from,
    to,
    replyable: true,
    content: { type: 'text/plain;charset=utf-8', text },
    wantsReport: false,
    said: 'deliver_sm',
  }) as never

export const receipt = (key: string, state: 'delivered' | 'failed' = 'delivered') => ({
  keys: [key],
  converted: [],
  addresses: [],
  state,
  said: `id:${key}`,
})

let references = 0
const nextReference = (): string => `ref-${++references}`

function playedModule(played: Map<string, PlayedService>): AdapterModule<unknown> {
  return {
    options: z.unknown(),
    create: (_, context) => {
      const before = played.get(context.service)
      const service: PlayedService = {
        offered: before?.offered ?? inbox<OutboundMessage>(({ from, to }) => `${from} > ${to}`),
        answer: before?.answer ?? (() => accepted(nextReference())),
        gateway: context.gateway,
      }
      played.set(context.service, service)
      return {
        capabilities: {
          schemes: ['tel'],
          media: ['text/plain'],
          maxBytes: 1_000,
          reports: { delivered: true, displayed: true },
          sessions: false,
          presence: false,
        },
        addresses: { toService: (uri) => (uri.startsWith('tel:+') ? uri : undefined) },
        messages: {
          parallel: () => 10,
          refuses: () => undefined,
          async send(message) {
            service.offered.push(message)
            return service.answer(message)
          },
        },
        start: () => Promise.resolve(),
        stop: () => Promise.resolve(),
        health: () => ({ state: 'up', since: 0, detail: '', links: [] }),
      }
    },
  }
}

export const accepted = (id: string): SendOutcome => ({
  kind: 'accepted',
  parts: [{ id: id as ServiceMessageId, keys: [id] }],
  reportExpected: true,
  said: id,
})
