import type { Config } from '../config/schema.js'
import type { UserDirectory } from '../core/port.js'
import type { Clock } from '../cpm/clock.js'
import type { Uri } from '../cpm/ids.js'
import type { CpmMessage, DispositionNotification } from '../cpm/message.js'
import type { Offered } from '../interworking/acceptance.js'
import type { Interworking } from '../interworking/interworking.js'
import { isOfServiceMessage } from '../interworking/report-back.js'
import type { CpmRequestHandler, SipEdge } from '../sip/port.js'
import type { Spool } from '../spool/spool.js'
import { createConversation } from './conversation.js'
import {
  createDelivery,
  type Deliver,
  type Delivery,
  type DeliveryOutcome,
  judge,
  type ToDevices,
  throughCore,
} from './delivery.js'
import { createDispositions } from './dispositions.js'
import { type History, withReceived, withSent } from './history.js'
import { createLater } from './later.js'
import { createLoops } from './loops.js'
import { createNotifications } from './notifications.js'
import { createOnward } from './onward.js'
import type { ControllingFunction, DeferredMessaging, PreferenceStore, Preferences, Registrations } from './port.js'
import type { ConversationRecorder } from './recorder.js'
import { createRepetitions } from './repetitions.js'
import { createTerminating, keepFor } from './terminating.js'

export interface ConversationServerOptions {
  readonly config: Pick<Config, 'conversation' | 'interworking'> & {
    readonly sip: Pick<Config['sip'], 'outboundParallel'>
  }
  readonly edge: Pick<SipEdge, 'send'>
  readonly spool: Spool
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
  readonly registrations: Registrations
  readonly preferences: PreferenceStore
  readonly deferred: () => DeferredMessaging
  readonly history: History
  readonly controlling: () => ControllingFunction | undefined
  /** The two rooms need each other; it is asked for once both are there. */
  readonly interworking: () => Interworking
  readonly recorder: ConversationRecorder
  readonly clock: Clock
}

/** The conversation server of one node, wired. */
export interface ConversationServer {
  /** What comes over SIP. */
  readonly handle: CpmRequestHandler
  /** To a CPM user, whoever sends: by his terminating function, or through the external core, which calls that. */
  readonly deliver: Deliver
  /** To the devices of a user and nowhere else: for what has waited for them. */
  readonly toDevices: ToDevices
  start(): void
  /** Takes no more work, and lets what is under way end until `deadline`. */
  stop(deadline: AbortSignal): Promise<void>
}

export function createConversationServer(options: ConversationServerOptions): ConversationServer {
  const { config, edge, spool, directory, registrations, preferences, interworking, recorder, clock } = options
  const policies = config.conversation
  const dispositions = createDispositions({
    notes: spool.notes,
    policies: policies.reports,
    preferences,
    registrations,
    onDropped: recorder.dropped,
  })
  const toDevices = createDelivery({ edge, registrations, clock, onCopies: dispositions.copied })
  const terminatingBy = (way: ToDevices): Deliver =>
    withReceived(
      createTerminating({
        toDevices: way,
        preferences,
        registrations,
        deferred: options.deferred,
        dispositions,
        interwork,
      }),
      options.history,
    )
  const terminating = terminatingBy(toDevices)
  const later = createLater({
    spool,
    // An external core has forgotten the message: it is called as for one that has waited.
    arrive: directory ? terminating : terminatingBy((delivery) => keepFor(options.deferred(), delivery, 'defer')),
    maxLife: policies.deferred.maxLife,
    retry: config.interworking.policies.retry,
    recorder,
    clock,
    parallel: config.sip.outboundParallel,
  })
  const loops = createLoops(spool.notes)
  const onward = createOnward({
    edge,
    policies,
    retry: config.interworking.policies.retry,
    rememberMs: config.interworking.policies.rememberFor,
    interworking: { offer: (request, message) => interworking().offer(request, message) },
    notify: (work) => interworking().notify(work),
    spool,
    recorder,
    clock,
    parallel: config.sip.outboundParallel,
  })
  const notifications = createNotifications({
    directory,
    dispositions,
    controlling: options.controlling,
    deliver: terminate,
    toCore,
    forward: (notification, from) => interworking().forwardNotification(notification, from),
    notify: (work) => interworking().notify(work),
    spool,
    recorder,
    waitMs: policies.reports.wait,
    clock,
  })
  const domainsOfServices = new Set(Object.values(config.interworking.services).flatMap(({ domains }) => domains))
  const conversation = createConversation({
    policies,
    directory,
    controlling: options.controlling,
    deferred: options.deferred,
    interworking: {
      accept: (request, message) => interworking().accept(request, message),
      offer: (request, message) => interworking().offer(request, message),
    },
    isOfService: (target) => domainsOfServices.has(/@([^;:?]+)/.exec(target)?.[1] ?? ''),
    preferences,
    deliver: terminate,
    toDevices,
    onward: onward.send,
    dispositions,
    notifications,
    repetitions: createRepetitions(spool.notes, config.interworking.policies.rememberFor),
    recorder,
  })

  /** `IW-12`: as the terminating function of the recipient, with his preferences and in the sender's name. */
  async function interwork(
    delivery: Delivery,
    message: CpmMessage,
    services: Preferences['services'],
  ): Promise<Offered> {
    const { user, from, senders, icid } = delivery
    if (message.service !== undefined && (await loops.goesRound(user, message)))
      return { kind: 'unfit', reason: 'loop' }
    const sender = directory?.find(from)
    const addresses = senders ?? sender?.addresses ?? [from]
    const recipient = directory?.find(user)?.addresses ?? [user]
    // A copy of a group's message: in a service it is the recipient who is addressed.
    const own = recipient.includes(message.to) ? message : { ...message, to: user, originalTo: message.to }
    const request = {
      function: 'term',
      originator: { uri: sender?.uri ?? from, addresses },
      target: own.to,
      said: `${user} is away: to another service`,
      recipient: { services, addresses: recipient },
      ...(icid === undefined ? {} : { icid }),
    } as const
    return interworking().offer(request, own)
  }

  function deliver(delivery: Delivery): Promise<DeliveryOutcome> {
    const { content, user } = delivery
    const mayBeOfService =
      content.kind === 'notifications' && content.notifications.some(isOfServiceMessage) && !isOurs(user)
    return mayBeOfService ? tellService(delivery, content.notifications) : toUser(delivery)
  }

  /** What became of a message that a service sent and another one took. */
  async function tellService(delivery: Delivery, list: readonly DispositionNotification[]): Promise<DeliveryOutcome> {
    const { from } = delivery
    const told = await notifications.toServices(list, { uri: from, addresses: [from] })
    return told ? { kind: 'delivered', said: 'told to the service' } : toUser(delivery)
  }

  const toUser = (delivery: Delivery) => (directory ? terminate(delivery) : toCore(delivery))

  function toCore(delivery: Delivery): Promise<DeliveryOutcome> {
    return edge.send({ ...delivery, destination: throughCore(delivery) }).then(judge)
  }

  function terminate(delivery: Delivery): Promise<DeliveryOutcome> {
    return later.isEarly(delivery) ? later.keep(delivery) : terminating(delivery)
  }

  const isOurs = (user: Uri): boolean => directory?.find(user) !== undefined

  return {
    handle: withSent(conversation, options.history),
    deliver,
    toDevices,
    start() {
      onward.start()
      notifications.start()
      later.start()
    },
    async stop(deadline) {
      await Promise.all([onward, notifications, later].map((part) => part.stop(deadline)))
    },
  }
}
