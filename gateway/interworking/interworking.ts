import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { AdapterModule, ContentLinks, GatewayPort } from '../../adapters/contract/index.js'
import type { Config } from '../config/schema.js'
import type { Deliver } from '../conversation/delivery.js'
import type { PreferenceStore } from '../conversation/port.js'
import type { UserDirectory } from '../core/port.js'
import type { Clock } from '../cpm/clock.js'
import type { ServiceId, Uri } from '../cpm/ids.js'
import type { DispositionNotification } from '../cpm/message.js'
import type { HomeUsers } from '../presence/port.js'
import type { Originator } from '../sip/port.js'
import type { Reminders } from '../spool/reminders.js'
import type { Spool } from '../spool/spool.js'
import { type Acceptance, createAcceptance } from './acceptance.js'
import type { AddressBook } from './address-book.js'
import { createInbound } from './inbound.js'
import { createLeases } from './lease.js'
import { createOriginatorAddresses } from './originator.js'
import { createOutbound } from './outbound.js'
import { createPendingAnswers } from './pending-answers.js'
import { createPresenceInterworking, type PresenceInterworking } from './presence/presence.js'
import { cancelAt, createRecall, type Recall } from './recall.js'
import { createRecipients } from './recipient.js'
import type { Recorder } from './recorder.js'
import { forwardNotification } from './report-back.js'
import { createReports } from './reports.js'
import { type Service, type Services, withNormalAddresses } from './service.js'
import { createSessionFunctions, type SessionFunctions, type SessionsWithin } from './session/functions.js'
import { throughGuests } from './session/guest/through-guests.js'
import { type AdapterStore, createAdapterStore } from './shared-store.js'
import { notifyItem } from './verdict.js'
import { INBOUND_LANE, NOTIFY_LANE, type NotifyWork, REPORT_LANE } from './work.js'

export interface InterworkingOptions {
  readonly config: Pick<Config, 'node' | 'domain' | 'defaultCountry' | 'interworking'> & {
    readonly sip: Pick<Config['sip'], 'outboundParallel'>
  }
  /** By their name under `adapters`, with their checked options. */
  readonly adapters: ReadonlyMap<string, { readonly module: AdapterModule<unknown>; readonly options: unknown }>
  readonly spool: Spool
  readonly deliver: Deliver
  /** The users of the embedded core; absent with an external one. */
  readonly directory: UserDirectory | undefined
  /** Whether an address is that of a group: members outside CPM write to it, too. */
  readonly isGroup?: (address: Uri) => boolean
  /** Whether a group takes messages of somebody outside CPM (`MSG-11`); true for whatever is no group. */
  readonly mayWrite?: (address: Uri, sender: Uri) => boolean
  /** Absent: the gateway has no presence. */
  readonly presence?: { readonly users: HomeUsers; readonly reminders: Reminders; readonly refreshMs: number }
  /** Absent: no contents are kept. */
  readonly links?: (service: ServiceId) => ContentLinks
  /** Further addresses of recipients. */
  readonly book?: AddressBook
  /** Absent: no sessions with other services. */
  readonly sessions?: {
    readonly preferences: Pick<PreferenceStore, 'of'>
    readonly reminders: Pick<Reminders, 'set' | 'on'>
    readonly within: () => SessionsWithin | undefined
  }
  readonly recorder: Recorder
  readonly registry: Registry
  readonly clock: Clock
  readonly log: Logger
}

/** The interworking functions of one node, wired: selection, both directions, reports, and the adapters behind them. */
export interface Interworking extends Acceptance {
  readonly services: Services
  readonly presence: PresenceInterworking | undefined
  readonly sessions: SessionFunctions | undefined
  /** A CPM user's notification about a message of a service; true when it was for one. */
  forwardNotification(notification: DispositionNotification, from: Originator): Promise<boolean>
  readonly recall: Recall
  /** Keeps a notification and delivers it, at once or when its user comes back. Rejects with SpoolUnavailable. */
  notify(work: NotifyWork): Promise<void>
  /** A user has become reachable: what waits for him is tried now. */
  reachable(user: Uri): Promise<void>
  start(): Promise<void>
  /** Takes no more work, lets what is under way end until `deadline`, closes the adapters. */
  stop(deadline: AbortSignal): Promise<void>
}

export function createInterworking(options: InterworkingOptions): Interworking {
  const { config, spool, deliver, directory, recorder, clock, log } = options
  const { policies } = config.interworking
  const services = new Map<ServiceId, Service>()
  const stores: AdapterStore[] = []
  const pending = createPendingAnswers(clock)
  const leases = createLeases(spool.notes, clock, recorder.lease)
  const parallel = config.sip.outboundParallel
  const originators = createOriginatorAddresses(leases)
  const recipients = createRecipients(leases, directory, options.isGroup)
  const sessions =
    options.sessions &&
    createSessionFunctions({
      ...options,
      ...options.sessions,
      services,
      leases,
      originators,
      recipients,
      pending,
      isGroup: options.isGroup ?? (() => false),
      onError: (error) => log.warn({ err: error }, 'session with another service'),
    })

  const presence =
    options.presence &&
    createPresenceInterworking({
      ...options.presence,
      services,
      originators,
      recipients,
      domain: config.domain,
      isGroup: options.isGroup ?? (() => false),
      notes: spool.notes,
      clock,
      log,
    })

  const outbound = createOutbound({ spool, services, policies, pending, recorder, clock })
  const inbound = createInbound({
    spool,
    services,
    policies,
    recipients,
    sessions,
    mayWrite: options.mayWrite ?? (() => true),
    deliver,
    recorder,
    clock,
    parallel,
  })
  const reports = createReports({
    spool,
    policies,
    deliver: sessions ? throughGuests(sessions, deliver) : deliver,
    leave(recordId, context) {
      cancelAt(services, recordId, context)?.then(
        ({ kind, said }) => recorder.recalled(context.message.messageId, 'cancel', context.service, kind, said),
        (error: unknown) => log.warn({ err: error }, 'a message was not cancelled where it failed'),
      )
    },
    recorder,
    clock,
    parallel,
  })
  const acceptance = createAcceptance({
    spool,
    services,
    policies,
    originators,
    pending,
    ...(options.book && { book: options.book }),
    recorder,
    clock,
  })

  const portFor = (id: ServiceId): GatewayPort => {
    const service = () => services.get(id) as Service
    return {
      receiveMessage: (message) => inbound.receive(service(), message),
      receiveReport: (report) => spool.report(id, report),
      settleLate: (messageId, outcome) => outbound.settleLate(service(), messageId, outcome),
      healthChanged: () => outbound.wake(),
    }
  }

  for (const [name, serviceConfig] of Object.entries(config.interworking.services)) {
    const id = name as ServiceId
    const adapter = options.adapters.get(serviceConfig.adapter)
    if (!adapter) throw new Error(`interworking.services.${name}: there is no adapter ${serviceConfig.adapter}`)
    const store = createAdapterStore(id, spool, clock)
    stores.push(store)
    services.set(id, {
      id,
      config: withNormalAddresses(serviceConfig, config),
      adapter: adapter.module.create(adapter.options, {
        service: id,
        gateway: portFor(id),
        ...(sessions && {
          receiveInvitation: (invitation, theirs, withdrawn) =>
            sessions.receive(services.get(id) as Service)(invitation, theirs, withdrawn),
        }),
        ...(presence && { presence: presence.portFor(id) }),
        ...(options.links && { links: options.links(id) }),
        clock,
        log: log.child({ service: id }),
        metrics: options.registry,
        store,
        domain: config.domain,
      }),
    })
  }

  return {
    services,
    presence,
    sessions,
    ...acceptance,
    recall: createRecall({ spool, services, uris: config, directory, pending, recorder, clock }),
    forwardNotification: (notification, from) => forwardNotification(services, spool.notes, notification, from),
    async notify(work) {
      await spool.put(notifyItem(work, clock.now()), { rememberMs: policies.rememberFor })
    },
    async reachable(user) {
      await Promise.all([INBOUND_LANE, REPORT_LANE, NOTIFY_LANE].map((lane) => spool.hurry(lane, `${user}|`)))
    },
    async start() {
      reports.start()
      inbound.start()
      sessions?.start()
      for (const store of stores) store.start()
      for (const { adapter } of services.values()) await adapter.start()
      await outbound.start()
      await presence?.start()
    },
    async stop(deadline) {
      await sessions?.stop(deadline)
      await outbound.stop(deadline)
      await Promise.all([...services.values()].map(({ adapter }) => adapter.stop(deadline)))
      await Promise.all([
        inbound.stop(deadline),
        reports.stop(deadline),
        ...stores.map((store) => store.stop(deadline)),
      ])
    },
  }
}
