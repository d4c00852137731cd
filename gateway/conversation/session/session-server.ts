import type { Config } from '../../config/schema.js'
import type { UserDirectory } from '../../core/port.js'
import type { Clock } from '../../cpm/clock.js'
import type { SipAnswer } from '../../sip/port.js'
import type { IncomingCall, SessionPort } from '../../sip/session-port.js'
import type { PreferenceStore, Registrations } from '../port.js'
import type { MediaEndpoint } from './anchor.js'
import { createInviteUser } from './invite-user.js'
import { createLargeReceiver, isLargeMessage } from './large/receive.js'
import { createTakeOver, type TakeOverOptions } from './large/take-over.js'
import { createOneToOne } from './one-to-one.js'
import type { InviteUser, SessionFocus, SessionInterworking } from './port.js'
import type { SessionRecorder } from './recorder.js'

export interface SessionServerOptions {
  readonly config: Pick<Config, 'domain' | 'defaultCountry' | 'conversation' | 'sessions' | 'media' | 'interworking'>
  readonly edge: SessionPort
  /** All MSRP of this node. */
  readonly endpoint: MediaEndpoint
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
  readonly registrations: Pick<Registrations, 'devices'>
  readonly preferences: PreferenceStore
  /** Rooms that need this one too; asked for once all are there. Absent: nobody takes such invitations. */
  readonly focus: () => SessionFocus | undefined
  readonly interworking: () => SessionInterworking | undefined
  /** Where messages go that come in large message mode, and what keeps them meanwhile. */
  readonly messages: Pick<TakeOverOptions, 'handle' | 'notify' | 'spool'>
  readonly recorder: SessionRecorder
  readonly clock: Clock
}

/** The conversation server's part in sessions, on one node. */
export interface SessionServer {
  /** Takes invitations from now on. */
  start(): void
  /** Takes no more; what stands ends with the edge. */
  stop(deadline: AbortSignal): Promise<void>
  /** For those who invite a CPM user in somebody's name: the focus, and interworking. */
  readonly inviteUser: InviteUser
  /** One-to-one sessions that stand, or are being set up, and large messages that come in. */
  sessions(): number
}

const STOPPING: SipAnswer = { status: 503, retryAfterSeconds: 5 }

/**
 * Sends each invitation to the function it is for: a large message is received, a group's or a list's session is the focus's, all
 * others are one to one.
 */
export function createSessionServer(options: SessionServerOptions): SessionServer {
  const { config, edge, directory, registrations, preferences, focus } = options
  const inviteUser = createInviteUser({ edge, registrations, preferences })
  const domainsOfServices = new Set(Object.values(config.interworking.services).flatMap(({ domains }) => domains))
  const oneToOne = createOneToOne({
    ...options,
    policies: config.conversation,
    sessions: config.sessions,
    media: config.media,
    inviteUser,
    directory,
    isOfService: (target) => domainsOfServices.has(/@([^;:?]+)/.exec(target)?.[1] ?? ''),
  })
  const { retry, rememberFor, maxLife } = config.interworking.policies
  const takeOver = createTakeOver({
    ...options.messages,
    retry,
    rememberMs: rememberFor,
    parallel: config.sessions.largeMessages.atOnce,
    clock: options.clock,
  })
  const { domain, defaultCountry } = config
  const large = createLargeReceiver({
    policies: config.sessions.largeMessages,
    limits: { domain, maxLife, ...(defaultCountry !== undefined && { defaultCountry }) },
    endpoint: options.endpoint,
    take: takeOver.take,
    clock: options.clock,
  })
  let taking = false

  function invited(call: IncomingCall): Promise<void> {
    if (!taking) return Promise.resolve(call.reject(STOPPING))
    if (isLargeMessage(call.invitation)) return large.invited(call)
    const host = focus()
    return host?.takes(call.invitation) ? host.invited(call) : oneToOne.invited(call)
  }

  edge.onInvite(invited)

  return {
    start() {
      taking = true
      takeOver.start()
    },
    async stop(deadline) {
      taking = false
      await takeOver.stop(deadline)
    },
    inviteUser,
    sessions: () => oneToOne.underWay() + large.underWay(),
  }
}
