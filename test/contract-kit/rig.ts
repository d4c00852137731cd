import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import type {
  AdapterContext,
  AdapterModule,
  Attempt,
  OutboundMessage,
  SendOutcome,
  ServiceAdapter,
} from '../../adapters/contract/index.js'
import { type Clock, systemClock } from '../../gateway/cpm/clock.js'
import type { MessageId, ServiceId, Uri } from '../../gateway/cpm/ids.js'
import { type RecordingGateway, recordingGateway } from './gateway.js'
import { type MemoryStore, memoryStore } from './store.js'

/** One adapter between a gateway that records and a peer. */
export interface Rig {
  readonly adapter: ServiceAdapter
  readonly gateway: RecordingGateway
  readonly store: MemoryStore
  readonly metrics: Registry
  /** What the adapter says of an attempt, if it does. */
  describe(message: Partial<OutboundMessage>): string | undefined
  send(message: Partial<OutboundMessage>, attempt?: Partial<Attempt>, giveUp?: AbortSignal): Promise<SendOutcome>
  /** Resolves when the adapter can send. */
  ready(): Promise<void>
  /** Stops the adapter; without a deadline it may take its time. */
  stop(deadline?: AbortSignal): Promise<void>
}

export const DOMAIN = 'cpm.example'

export interface RigSettings {
  readonly clock?: Clock
  /** A store that outlived an earlier adapter. */
  readonly store?: MemoryStore
  readonly gateway?: RecordingGateway
  /** What a gateway with sessions and presence gives beside. */
  readonly offers?: Pick<AdapterContext, 'presence' | 'receiveInvitation' | 'links'>
}

/** Builds and starts an adapter with options as they would stand in the configuration file. */
export async function startRig<Options>(
  module: AdapterModule<Options>,
  options: unknown,
  settings: RigSettings = {},
): Promise<Rig> {
  const clock = settings.clock ?? systemClock
  const gateway = settings.gateway ?? recordingGateway()
  const store = settings.store ?? memoryStore(clock)
  const metrics = new Registry()
  const adapter = module.create(module.options.parse(options), {
    service: 'kit' as ServiceId,
    gateway,
    clock,
    log: pino({ level: 'silent' }),
    metrics,
    store,
    domain: DOMAIN,
    ...settings.offers,
  })
  const outbound = (message: Partial<OutboundMessage>): OutboundMessage => ({
    messageId: randomUUID() as MessageId,
    from: 'tel:+12065550100' as Uri,
    to: 'tel:+12065550123' as Uri,
    content: { type: 'text/plain', text: 'hello' },
    expiresAt: clock.now() + 3_600_000,
    reports: { delivered: true, failed: true, displayed: false },
    ...message,
  })
  await adapter.start()
  const never = new AbortController().signal
  return {
    adapter,
    gateway,
    store,
    metrics,
    send: (message, attempt = {}, giveUp = never) =>
      adapter.messages.send(outbound(message), { number: 1, possibleDuplicate: false, ...attempt }, giveUp),
    describe: (message) => adapter.messages.describe?.(outbound(message)),
    ready: () => gateway.until(() => (adapter.messages.parallel() > 0 ? true : undefined)).then(() => undefined),
    stop: (deadline = never) => adapter.stop(deadline),
  }
}
