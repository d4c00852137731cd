import { pino } from 'pino'
import { expect, onTestFinished } from 'vitest'
import { configSchema } from '../../../gateway/config/schema.js'
import type { Registrations } from '../../../gateway/conversation/port.js'
import type { InviteUser, SessionFocus, SessionInterworking } from '../../../gateway/conversation/session/port.js'
import { createSessionRecorder } from '../../../gateway/conversation/session/recorder.js'
import {
  createSessionServer,
  type SessionServer,
  type SessionServerOptions,
} from '../../../gateway/conversation/session/session-server.js'
import { createEmbeddedCore } from '../../../gateway/core/embedded-core.js'
import { type Clock, systemClock } from '../../../gateway/cpm/clock.js'
import { createUserDocuments } from '../../../gateway/http/user-documents.js'
import { startMedia } from '../../../gateway/media-wiring.js'
import type { MsrpEndpoint } from '../../../gateway/msrp/endpoint.js'
import type { MsrpCount } from '../../../gateway/msrp/observer.js'
import { type ChargingRecord, createCharging } from '../../../gateway/observe/charging.js'
import { createMetrics } from '../../../gateway/observe/metrics.js'
import { createSipEdge } from '../../../gateway/sip/edge.js'
import type { SipEdge } from '../../../gateway/sip/port.js'
import { startSipServer } from '../../../gateway/sip-server/server.js'
import { openSessionAgent, type SessionAgent } from '../../../scripts/rig/session-agent.js'
import { memoryNotes } from '../../core/support.js'

export const DOMAIN = 'cpm.example'
export const SESSION = 'urn:urn-7:3gpp-service.ims.icsi.oma.cpm.session'
const SECRET = 'test secret'
/** Large messages have a stage of their own. */
const noSpool: SessionServerOptions['messages']['spool'] = {
  put: async () => 'stored',
  take: () => ({ stop: async () => undefined, wake: () => undefined }),
}
const silent = pino({ level: process.env.STAGE_LOG ?? 'silent' })

const USERS = {
  alice: { password: 'alice-secret', name: 'Alice', aliases: ['tel:+12065550101'] },
  bob: { password: 'bob-secret', aliases: ['tel:+12065550102'] },
  carol: { password: 'carol-secret' },
} as const
export type UserName = keyof typeof USERS

/** Contact parameters of a device with these ICSI tails and media. */
export const features = (services: readonly string[] = ['session'], media: readonly string[] = []): string => {
  const icsi = services.map((tail) => encodeURIComponent(`urn:urn-7:3gpp-service.ims.icsi.oma.cpm.${tail}`))
  const tags = media.map((kind) => `;${kind}`).join('')
  return `${icsi.length > 0 ? `;+g.3gpp.icsi-ref="${icsi.join(',')}"` : ''}${tags}`
}

export interface SessionStageOptions {
  readonly sessions?: object
  readonly media?: object
  readonly conversation?: object
  readonly interworking?: object
  readonly preferences?: Partial<Record<UserName, object>>
  /** URI of an external core. */
  readonly core?: string
  readonly registrations?: Registrations
  readonly focus?: SessionFocus
  readonly played?: SessionInterworking
  readonly clock?: Clock
  /** Networks whose MSRP connections are not limited; default: loopback. */
  readonly unlimited?: readonly string[]
}

export interface SessionStage {
  readonly sip: { readonly host: string; readonly port: number }
  readonly edge: SipEdge
  readonly server: SessionServer
  readonly inviteUser: InviteUser
  readonly media: MsrpEndpoint
  readonly charged: readonly ChargingRecord[]
  readonly counted: readonly MsrpCount[]
  /** Checkpoints: of which session, what, and the line. */
  readonly traced: readonly string[]
  /** A registered device of the user. */
  device(user: UserName, tags?: string): Promise<SessionAgent>
  /** A SIP element that registers nowhere. */
  element(): Promise<SessionAgent>
  /** Resolves when nothing of any session is left. */
  nothingLeft(): Promise<void>
  /** Before the end of the test: as when the node ends. */
  stop(): Promise<void>
}

/** Sessions with the rooms they need, SIP and MSRP on loopback. */
export async function openSessionStage(options: SessionStageOptions = {}): Promise<SessionStage> {
  const clock = options.clock ?? systemClock
  const config = configSchema.parse({
    domain: DOMAIN,
    sip: { core: options.core ?? 'embedded', trust: options.core ? ['127.0.0.1/32'] : [] },
    users: Object.fromEntries(
      Object.entries(USERS).map(([name, user]) => {
        const preferences = options.preferences?.[name as UserName]
        return [name, { ...user, ...(preferences && { preferences }) }]
      }),
    ),
    sessions: options.sessions ?? {},
    media: options.media ?? {},
    conversation: options.conversation ?? {},
    interworking: options.interworking ?? {},
  })
  const server = await startSipServer({
    listen: ['udp:127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0, secret: SECRET },
    maxMessageBytes: 65_536,
  })
  const notes = memoryNotes()
  const core = options.core ? undefined : createEmbeddedCore({ config, notes, clock: systemClock })
  const metrics = createMetrics()
  const edge = createSipEdge({
    config,
    server: { ...server.control, secret: SECRET },
    ...(core && { core }),
    onRequest: async () => ({ status: 501 }),
    clock: systemClock,
    log: silent,
    metrics: metrics.sip,
  })
  const counted: MsrpCount[] = []
  const { endpoint: media, close: closeMedia } = await startMedia({
    config: config.media,
    trust: options.unlimited ?? ['127.0.0.0/8'],
    clock: systemClock,
    count: (event) => {
      counted.push(event)
      metrics.msrp(event)
    },
    log: silent,
  })
  const registrations: Registrations = options.registrations ?? {
    devices: async (user) =>
      (await core?.registrar.bindings(user))?.map((binding) => ({ ...binding, q: binding.q ?? 1 })) ?? 'unknown',
    onAvailable: () => undefined,
  }
  const charged: ChargingRecord[] = []
  const traced: string[] = []
  const charging = {
    record(record: ChargingRecord) {
      charged.push(record)
      createCharging(silent, metrics, true).record(record)
    },
  }
  const sessions = createSessionServer({
    config,
    edge: edge.sessions,
    endpoint: media,
    directory: core?.directory,
    registrations,
    preferences: createUserDocuments(config, notes, core, metrics).preferences,
    focus: () => options.focus,
    interworking: () => options.played,
    messages: { handle: async () => ({ status: 501 }), notify: async () => undefined, spool: noSpool },
    recorder: createSessionRecorder(metrics, charging, {
      note: (session, { what, line }) => traced.push(`${session} ${what} ${line}`),
    }),
    clock,
  })
  await edge.start()
  sessions.start()
  const agents: SessionAgent[] = []
  let stopped = false
  async function stop(): Promise<void> {
    if (stopped) return
    stopped = true
    await sessions.stop(AbortSignal.timeout(1_000))
    await edge.stop()
    await closeMedia()
    await server.stop()
  }
  onTestFinished(async () => {
    await stop()
    for (const agent of agents) agent.close()
  })
  const udp = edge.listening().find((address) => address.startsWith('udp:')) ?? ''
  const sip = { host: '127.0.0.1', port: Number(udp.slice(udp.lastIndexOf(':') + 1)) }
  async function open(user: string, password: string): Promise<SessionAgent> {
    const agent = await openSessionAgent({ server: sip, domain: DOMAIN, user, password })
    agents.push(agent)
    return agent
  }
  return {
    sip,
    edge,
    server: sessions,
    inviteUser: sessions.inviteUser,
    media,
    charged,
    counted,
    traced,
    async device(user, tags = features()) {
      const agent = await open(user, USERS[user].password)
      expect((await agent.register(tags)).status).toBe(200)
      return agent
    },
    element: () => open('element', ''),
    nothingLeft: () =>
      expect.poll(() => [edge.sessions.legs(), media.sessions, sessions.sessions()]).toEqual([0, 0, 0]),
    stop,
  }
}
