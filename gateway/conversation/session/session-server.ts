import type { Config } from '../../config/schema.js'
import type { UserDirectory } from '../../core/port.js'
import type { Clock } from '../../cpm/clock.js'
import type { SipAnswer } from '../../sip/port.js'
import type { IncomingCall, SessionPort } from '../../sip/session-port.js'
import type { PreferenceStore, Registrations } from '../port.js'
import type { MediaEndpoint } from './anchor.js'
import { createInviteUser } from './invite-user.js'
import { createOneToOne } from './one-to-one.js'
import type { InviteUser, SessionFocus, SessionInterworking } from './port.js'
import type { SessionRecorder } from './recorder.js'

export interface SessionServerOptions {
  readonly config: Pick<Config, 'conversation' | 'sessions' | 'media' | 'interworking'>
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
  readonly recorder: SessionRecorder
  readonly clock: Clock
}

/** The conversation server's part in sessions, on one node. */
export interface SessionServer {
  /** Takes invitations from now on. */
  start(): void
  /** Takes no more; what stands ends with the edge. */
  stop(): Promise<void>
  /** For those who invite a CPM user in somebody's name: the focus, and interworking. */
  readonly inviteUser: InviteUser
  /** One-to-one sessions that stand, or are being set up. */
  sessions(): number
}

const STOPPING: SipAnswer = { status: 503, retryAfterSeconds: 5 }

/** Sends each invitation to the function it is for: a group's or a list's to the focus, all others one to one. */
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
  let taking = false

  function invited(call: IncomingCall): Promise<void> {
    if (!taking) return Promise.resolve(call.reject(STOPPING))
    const host = focus()
    return host?.takes(call.invitation) ? host.invited(call) : oneToOne.invited(call)
  }

  edge.onInvite(invited)

  return {
    start() {
      taking = true
    },
    async stop() {
      taking = false
    },
    inviteUser,
    sessions: oneToOne.underWay,
  }
}
