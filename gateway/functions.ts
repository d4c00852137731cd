import type { Logger } from 'pino'
import type { LoadedConfig } from './config/load.js'
import { createDeferred } from './conversation/deferred/deferred.js'
import { createDeferredRecorder } from './conversation/deferred/recorder.js'
import { createUndelivered } from './conversation/deferred/undelivered.js'
import { createFocus } from './conversation/focus/focus.js'
import { toMixer } from './conversation/focus/mixer.js'
import { createFocusRecorder } from './conversation/focus/recorder.js'
import { createControlling } from './conversation/group/controlling.js'
import { createGroupRecorder } from './conversation/group/recorder.js'
import { throughGroups } from './conversation/group/through-groups.js'
import { createHistory, type History } from './conversation/history.js'
import type { PreferenceStore, Registrations } from './conversation/port.js'
import { createConversationRecorder } from './conversation/recorder.js'
import { createConversationServer } from './conversation/server.js'
import type { MediaEndpoint } from './conversation/session/anchor.js'
import { createLargeSender } from './conversation/session/large/send.js'
import { createSessionRecorder } from './conversation/session/recorder.js'
import { createSessionServer } from './conversation/session/session-server.js'
import type { EmbeddedCore } from './core/embedded-core.js'
import type { Clock } from './cpm/clock.js'
import type { Notifier } from './events/notifier.js'
import { createAddressBook } from './http/address-book.js'
import { createContentLinks } from './interworking/content-links.js'
import { createInterworking, type Interworking, type InterworkingOptions } from './interworking/interworking.js'
import { createRecorder } from './interworking/recorder.js'
import { createSessionBridge } from './interworking/session/bridge/bridge.js'
import { createCharging } from './observe/charging.js'
import type { Metrics } from './observe/metrics.js'
import type { Trace } from './observe/trace.js'
import { homeUsers } from './presence-wiring.js'
import type { CpmRequestHandler, SipEdge } from './sip/port.js'
import { createArchive } from './spool/archive.js'
import { createBoxes } from './spool/boxes.js'
import type { Contents } from './spool/contents.js'
import type { RedisHandle } from './spool/redis.js'
import type { Reminders } from './spool/reminders.js'
import type { Spool } from './spool/spool.js'

export interface FunctionsOptions extends Pick<LoadedConfig, 'config' | 'adapters'> {
  readonly edge: SipEdge
  /** All MSRP of the node. */
  readonly media: MediaEndpoint
  readonly redis: RedisHandle
  readonly spool: Spool
  readonly contents: Contents
  readonly core: EmbeddedCore | undefined
  readonly preferences: PreferenceStore
  readonly registrations: Registrations
  readonly notifier: Notifier
  readonly reminders: Reminders
  readonly trace: Trace
  readonly metrics: Metrics
  readonly clock: Clock
  readonly log: Logger
}

/** The functions of one node: participating, controlling, deferred messaging, selection and interworking. */
export interface Functions {
  readonly interworking: Interworking
  readonly history: History
  /** Group sessions that run here. */
  groupSessions(): number
  /** What comes over SIP; to be used once they are started. */
  readonly handle: CpmRequestHandler
  start(): Promise<void>
  /** Takes no more work, and lets what is under way end until `deadline`. */
  stop(deadline: AbortSignal): Promise<void>
}

/** Wires them. They need each other in a circle: each asks for another only when it is at work. */
export function createFunctions(options: FunctionsOptions): Functions {
  const { config, edge, redis, spool, core, preferences, registrations, trace, metrics, clock, log } = options
  const charging = createCharging(log, metrics, config.observe.charging)
  const history = createHistory({
    archive: createArchive(redis),
    preferences,
    policies: config.conversation.history,
    clock,
    onError: (error) => log.warn({ err: error }, 'history not written'),
  })
  const conversation = createConversationServer({
    config,
    edge: createLargeSender({
      edge,
      endpoint: options.media,
      policies: config.sessions.largeMessages,
      maxMessage: config.sip.maxMessage,
      clock,
    }),
    spool,
    directory: core?.directory,
    registrations,
    preferences,
    deferred: () => deferred,
    history,
    controlling: () => controlling,
    interworking: () => interworking,
    recorder: createConversationRecorder(metrics, trace, charging),
    clock,
  })
  const deferred = createDeferred({
    spool,
    boxes: createBoxes(redis),
    toDevices: conversation.toDevices,
    preferences,
    registrations,
    policies: config.conversation.deferred,
    retry: config.interworking.policies.retry,
    domain: config.domain,
    clock,
    recorder: createDeferredRecorder(metrics, trace),
    undelivered: createUndelivered((work) => interworking.notify(work)),
    onError: (error) => log.warn({ err: error }, 'deferred messaging'),
  })
  const controlling = createControlling({
    config,
    spool,
    deliver: conversation.deliver,
    interworking: { accept: (request, message) => interworking.accept(request, message) },
    directory: core?.directory,
    policies: config.interworking.policies,
    parallel: config.sip.outboundParallel,
    recorder: createGroupRecorder(metrics, trace, charging),
    clock,
  })
  const interworking: Interworking = createInterworking({
    config,
    adapters: new Map(options.adapters.map((adapter) => [adapter.name, adapter])),
    spool,
    deliver: throughGroups(controlling, conversation.deliver),
    directory: core?.directory,
    isGroup: controlling.hosts,
    mayWrite: controlling.mayWrite,
    presence: { users: homeUsers(config, core), reminders: options.reminders, refreshMs: config.presence.refresh },
    ...openBook(options),
    ...openLinks(options),
    sessions: {
      preferences,
      reminders: options.reminders,
      within: () => ({ user: bridge.inviteWithin, group: focus.joinOutside }),
    },
    recorder: createRecorder(metrics, trace, log, charging),
    registry: metrics.registry,
    clock,
    log,
  })
  const sessionRecorder = createSessionRecorder(metrics, charging, trace)
  const sessions = createSessionServer({
    config,
    edge: edge.sessions,
    endpoint: options.media,
    directory: core?.directory,
    registrations,
    preferences,
    focus: () => focus,
    interworking: () => bridge,
    messages: { handle: conversation.handle, notify: (work) => interworking.notify(work), spool },
    recorder: sessionRecorder,
    clock,
  })
  const bridge = createSessionBridge({
    config,
    endpoint: options.media,
    inviteUser: sessions.inviteUser,
    invite: () => interworking.sessions?.invite,
    recorder: sessionRecorder,
    clock,
  })
  const focus = createFocus({
    config,
    edge: edge.sessions,
    address: edge.address,
    media: { endpoint: options.media, mixer: toMixer(config.media.mixer) },
    inviteUser: sessions.inviteUser,
    inviteOutside: () => interworking.sessions?.invite,
    preferences,
    notes: spool.notes,
    notifier: options.notifier,
    directory: core?.directory,
    recorder: createFocusRecorder(metrics, charging, trace),
    clock,
    fault: (error) => log.error({ err: error }, 'group session'),
  })
  registrations.onAvailable((user) => {
    Promise.all([interworking.reachable(user), controlling.reachable(user)]).catch((error: unknown) =>
      log.warn({ user, err: error }, 'waiting messages not hurried'),
    )
  })

  const parts = [interworking, controlling, deferred, conversation, focus, sessions]
  return {
    interworking,
    history,
    groupSessions: focus.sessions,
    handle: conversation.handle,
    async start() {
      for (const part of parts) await part.start()
    },
    async stop(deadline) {
      for (const part of [...parts].reverse()) await part.stop(deadline)
    },
  }
}

/** Links to contents, where the configuration says how they are reached. */
function openLinks({ config, contents, spool }: FunctionsOptions): Pick<InterworkingOptions, 'links'> {
  const { url, ...limits } = config.http.content
  return url === undefined ? {} : { links: createContentLinks({ ...limits, url, contents, notes: spool.notes }) }
}

/** The address book of the configuration, if there is one. */
function openBook({ config, metrics, clock, log }: FunctionsOptions): Pick<InterworkingOptions, 'book'> {
  const { domain, defaultCountry, interworking } = config
  if (!interworking.addressBook) return {}
  return {
    book: createAddressBook({
      ...interworking.addressBook,
      uris: { domain, ...(defaultCountry !== undefined && { defaultCountry }) },
      clock,
      onAsked(lookup, error) {
        metrics.addressBook(lookup)
        if (error !== undefined) log.warn({ err: error }, 'address book not asked')
      },
    }),
  }
}
