import { onTestFinished } from 'vitest'
import type { SessionPort, SessionSide } from '../../../adapters/contract/sessions.js'
import { configSchema } from '../../../gateway/config/schema.js'
import { createFocus, type Focus } from '../../../gateway/conversation/focus/focus.js'
import { toMixer } from '../../../gateway/conversation/focus/mixer.js'
import { createFocusRecorder, type FocusEvent } from '../../../gateway/conversation/focus/recorder.js'
import type { Preferences } from '../../../gateway/conversation/port.js'
import { createInviteUser } from '../../../gateway/conversation/session/invite-user.js'
import { createEmbeddedCore } from '../../../gateway/core/embedded-core.js'
import { type Clock, systemClock } from '../../../gateway/cpm/clock.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { createNotifier } from '../../../gateway/events/notifier.js'
import type { OutsideInvitation } from '../../../gateway/interworking/session/port.js'
import { MsrpEndpoint } from '../../../gateway/msrp/endpoint.js'
import type { MsrpLimits } from '../../../gateway/msrp/limits.js'
import type { MsrpTls } from '../../../gateway/msrp/tls.js'
import type { ChargingRecord } from '../../../gateway/observe/charging.js'
import { createSipEdge } from '../../../gateway/sip/edge.js'
import type { SipEdge } from '../../../gateway/sip/port.js'
import type { IncomingCall } from '../../../gateway/sip/session-port.js'
import { startSipServer } from '../../../gateway/sip-server/server.js'
import type { Reminders } from '../../../gateway/spool/reminders.js'
import type { NoteStore } from '../../../gateway/spool/spool.js'
import { inbox } from '../../../scripts/rig/inbox.js'
import { openSessionAgent, type SessionAgent } from '../../../scripts/rig/session-agent.js'
import { memoryNotes } from '../../core/support.js'
import { aborted } from '../../sip/session/stage.js'
import { silent } from '../../sip/support.js'

export const DOMAIN = 'cpm.example'
export const FRIENDS = 'sip:friends@groups.cpm.example'
export const LISTS = `sip:lists@${DOMAIN}`
export const NAMES = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank', 'grace'] as const
export type Name = (typeof NAMES)[number]
export const uri = (name: string): string => `sip:${name}@${DOMAIN}`
const SECRET = 'test secret'

export interface FocusStageOptions {
  /** `groups.defined.friends`, and policies of its sessions. */
  readonly group?: object
  readonly policies?: object
  readonly lists?: object
  readonly media?: object
  readonly sessions?: object
  readonly members?: readonly string[]
  readonly core?: string
  /** `sip.trust`, with the embedded core too. */
  readonly trust?: readonly string[]
  readonly clock?: Clock
  readonly limits?: Partial<MsrpLimits>
  /** MSRP over TLS, and by nothing else. */
  readonly tls?: MsrpTls
  /** What stands before the notes. */
  readonly notes?: (store: NoteStore) => NoteStore
}

/** Somebody outside CPM, played by the test. */
export interface OutsideAsked {
  readonly invitation: OutsideInvitation
  readonly ours: SessionSide
  readonly withdrawn: AbortSignal
  answer(answer: Awaited<ReturnType<SessionPort['invite']>>): void
}

export interface FocusStage {
  readonly edge: SipEdge
  focus(): Focus
  /** INVITEs that have come to it. */
  readonly came: readonly IncomingCall[]
  readonly endpoint: MsrpEndpoint
  readonly notes: NoteStore
  readonly events: readonly FocusEvent[]
  readonly charged: readonly ChargingRecord[]
  /** Checkpoints: of which session, what, and the line. */
  readonly traced: readonly string[]
  readonly outside: ReturnType<typeof inbox<OutsideAsked>>
  readonly faults: readonly unknown[]
  readonly server: { readonly host: string; readonly port: number }
  /** A device; registered unless it says otherwise. */
  phone(name: Name, options?: { readonly registers?: boolean; readonly features?: string }): Promise<SessionAgent>
  /** Leaves as a process that is killed, and begins again on the same notes. */
  restart(how: 'killed' | 'stopped'): Promise<void>
  /** Nothing is left of any session. */
  quiet(): Promise<void>
}

const FEATURES = ';+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"'

/** The focus on SIP and MSRP over loopback, with the participating function of its members and the event framework. */
export async function openFocusStage(options: FocusStageOptions = {}): Promise<FocusStage> {
  const { clock = systemClock } = options
  const config = configSchema.parse({
    domain: DOMAIN,
    sip: {
      core: options.core ?? 'embedded',
      trust: options.trust ?? (options.core ? ['127.0.0.1/32'] : []),
      auth: { algorithms: ['MD5'] },
    },
    users: Object.fromEntries(
      NAMES.map((name) => [
        name,
        { password: `${name}-secret`, name: `${name.charAt(0).toUpperCase()}${name.slice(1)}` },
      ]),
    ),
    groups: {
      defined: {
        friends: {
          address: FRIENDS,
          name: 'Friends',
          members: options.members ?? ['alice', 'bob', 'carol'].map(uri),
          sessions: options.policies ?? {},
          ...options.group,
        },
      },
      lists: { sessions: options.lists ?? {} },
    },
    sessions: { notifyInterval: '0ms', ...options.sessions },
    media: options.media ?? {},
  })
  const server = await startSipServer({
    listen: ['udp:127.0.0.1:0', 'tcp:127.0.0.1:0'],
    control: { host: '127.0.0.1', port: 0, secret: SECRET },
    maxMessageBytes: 1_048_576,
  })
  const faults: unknown[] = []
  const endpoint = await MsrpEndpoint.start({
    listen: [{ host: '127.0.0.1', port: 0, secure: options.tls !== undefined }],
    ...(options.tls && { tls: options.tls }),
    ...(options.limits && { limits: options.limits }),
    observer: { count: () => undefined, fault: (error) => faults.push(error) },
  })
  const store = options.notes?.(memoryNotes()) ?? memoryNotes()
  const events: FocusEvent[] = []
  const charged: ChargingRecord[] = []
  const traced: string[] = []
  const outside = inbox<OutsideAsked>(({ invitation }) => invitation.target)
  const preferences = {
    of: async (): Promise<Preferences> => ({
      unavailable: 'discard',
      waiting: 'push',
      services: undefined,
      reports: { delivered: true, displayed: true },
      copies: false,
      blocks: () => false,
      excluded: [],
      sessions: 'ask',
      history: false,
    }),
  }

  const came: IncomingCall[] = []

  async function begin() {
    const life = { isOver: false }
    const notes = whileAlive(store, life)
    const core = config.sip.core === 'embedded' ? createEmbeddedCore({ config, notes, clock }) : undefined
    const edge = createSipEdge({
      config,
      server: { ...server.control, secret: SECRET },
      ...(core && { core }),
      onRequest: async () => ({ status: 202 }),
      clock: systemClock,
      log: silent,
      metrics: {
        requestIn: () => undefined,
        requestOut: () => undefined,
        badInput: () => undefined,
        link: () => undefined,
      },
    })
    const registrations = {
      devices: async (user: Uri) =>
        (await core?.registrar.bindings(user))?.map((binding) => ({ ...binding, q: 1 })) ?? ('unknown' as const),
    }
    const focus = createFocus({
      config,
      edge: edge.sessions,
      address: edge.address,
      media: { endpoint, mixer: toMixer(config.media.mixer) },
      inviteUser: createInviteUser({ edge: edge.sessions, registrations, preferences }),
      inviteOutside: () => (invitation, ours, withdrawn, ringing) => {
        ringing()
        return new Promise((resolve) => outside.push({ invitation, ours, withdrawn, answer: resolve }))
      },
      preferences,
      notes,
      notifier: createNotifier({ port: edge, notes, reminders: memoryReminders(clock), clock, log: silent }),
      directory: core?.directory,
      recorder: createFocusRecorder(
        { groupSession: (event) => events.push(event) },
        { record: (record) => charged.push(record) },
        { note: (session, { what, line }) => traced.push(`${session} ${what} ${line}`) },
      ),
      clock,
      fault: (error) => faults.push(error),
    })
    edge.sessions.onInvite(async (call) => {
      came.push(call)
      if (focus.takes(call.invitation)) await focus.invited(call)
      else call.reject({ status: 404 })
    })
    await edge.start()
    focus.start()
    return { edge, focus, life }
  }

  let running = await begin()
  const agents: SessionAgent[] = []
  onTestFinished(async () => {
    await running.focus.stop()
    await running.edge.stop()
    await endpoint.close()
    await server.stop()
    for (const agent of agents) agent.close()
  })
  const [, host = '', port = ''] =
    running.edge
      .listening()
      .find((address) => address.startsWith('udp:'))
      ?.split(':') ?? []

  return {
    get edge() {
      return running.edge
    },
    focus: () => running.focus,
    came,
    endpoint,
    notes: store,
    events,
    charged,
    traced,
    outside,
    faults,
    server: { host, port: Number(port) },
    async phone(name, { registers = true, features = FEATURES } = {}) {
      const agent = await openSessionAgent({
        server: { host, port: Number(port) },
        domain: DOMAIN,
        user: name,
        password: `${name}-secret`,
      })
      agents.push(agent)
      if (registers) await agent.register(features)
      return agent
    },
    async restart(how) {
      if (how === 'stopped') await running.focus.stop()
      running.life.isOver = true
      await running.edge.stop()
      running = await begin()
    },
    async quiet() {
      while (running.focus.sessions() + running.edge.sessions.legs() + endpoint.sessions > 0) await turn()
    },
  }
}

/** Lets what is under way come about. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export { aborted }

function memoryReminders(clock: Clock): Reminders {
  const handlers = new Map<string, (subject: string) => Promise<void>>()
  return {
    async set(kind, subject, at) {
      clock.after(
        Math.max(0, at - clock.now()),
        () =>
          void handlers
            .get(kind)?.(subject)
            .catch(() => undefined),
      )
    },
    on(kind, act) {
      handlers.set(kind, act)
    },
  }
}

/** What a dead process writes arrives nowhere. */
function whileAlive(notes: NoteStore, life: { readonly isOver: boolean }): NoteStore {
  return {
    ...notes,
    put: async (note) => (life.isOver ? undefined : notes.put(note)),
    remove: async (key) => (life.isOver ? undefined : notes.remove(key)),
  }
}
