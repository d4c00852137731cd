import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import { z } from 'zod'
import type {
  AcceptedMessage,
  AdapterContext,
  AdapterModule,
  Attempt,
  GatewayPort,
  InboundMessage,
  OutboundMessage,
  OutboundReport,
  RecallOutcome,
  ReceiveInvitation,
  SendOutcome,
  SessionPort,
} from '../../adapters/contract/index.js'
import { configSchema } from '../../gateway/config/schema.js'
import type { Delivery, DeliveryOutcome } from '../../gateway/conversation/delivery.js'
import type { UserDirectory } from '../../gateway/core/port.js'
import { type Clock, systemClock } from '../../gateway/cpm/clock.js'
import type { FailureReason } from '../../gateway/cpm/failure.js'
import type { ServiceId, ServiceMessageId, Uri } from '../../gateway/cpm/ids.js'
import type { Content, CpmMessage } from '../../gateway/cpm/message.js'
import {
  createInterworking,
  type Interworking,
  type InterworkingOptions,
} from '../../gateway/interworking/interworking.js'
import { createRecorder } from '../../gateway/interworking/recorder.js'
import type { CheckpointNote } from '../../gateway/observe/checkpoint.js'
import { createMetrics } from '../../gateway/observe/metrics.js'
import type { CpmRequest, SipFunction } from '../../gateway/sip/port.js'
import { createSpool } from '../../gateway/spool/redis-spool.js'
import { createReminders } from '../../gateway/spool/reminders.js'
import { freshPrefix, openTestRedis } from '../support/redis.js'
import { ALICE, HANDSET, message } from './support.js'

const silent = pino({ level: 'silent' })
const ALICE_NUMBER = 'tel:+12065550100' as Uri

/** A queue that a test waits at: `next()` resolves with what was put, in order. */
export function inbox<T>() {
  const waiting: ((value: T) => void)[] = []
  const ready: T[] = []
  return {
    put(value: T): void {
      const taker = waiting.shift()
      if (taker) taker(value)
      else ready.push(value)
    },
    next: (): Promise<T> =>
      ready.length > 0 ? Promise.resolve(ready.shift() as T) : new Promise((resolve) => waiting.push(resolve)),
    get length() {
      return ready.length
    },
  }
}

/** One service, played by the test: what is offered to it, and what it answers. */
export interface PlayedService {
  readonly offered: ReturnType<typeof inbox<OutboundMessage & Pick<Attempt, 'possibleDuplicate' | 'progress'>>>
  readonly told: ReturnType<typeof inbox<OutboundReport>>
  answer: (message: OutboundMessage) => SendOutcome | Promise<SendOutcome>
  gateway: GatewayPort
  /** What it was asked to cancel or replace, and what it answers. */
  readonly recalled: ReturnType<typeof inbox<AcceptedMessage & { readonly content?: Content }>>
  recall: () => RecallOutcome | Promise<RecallOutcome>
  refuses: () => FailureReason | undefined
  /** As a service with sessions invites. */
  invite: ReceiveInvitation | undefined
}

let references = 0
export const taken = (id = `ref-${++references}`): SendOutcome => ({
  kind: 'accepted',
  parts: [{ id: id as ServiceMessageId, keys: [id] }],
  reportExpected: true,
  handle: `handle of ${id}`,
  said: `taken as ${id}`,
})

export interface RigOptions {
  readonly services?: Readonly<Record<string, object>>
  readonly policies?: object
  readonly deliver?: (delivery: Delivery) => DeliveryOutcome
  readonly prefix?: string
  readonly node?: string
  readonly reports?: boolean
  /** The SIP/IP core is another one: it knows the users, and names alice by her SIP address first. */
  readonly externalCore?: boolean
  /** Of the interworking functions; the spool keeps the real time. */
  readonly clock?: Clock
  readonly sessions?: Omit<NonNullable<InterworkingOptions['sessions']>, 'reminders'>
  readonly sessionPolicies?: object
  /** Services with sessions. */
  readonly native?: Readonly<Record<string, SessionPort>>
  readonly isGroup?: (address: Uri) => boolean
  readonly mayWrite?: (address: Uri, sender: Uri) => boolean
  /** Services keep a message until its time. */
  readonly laterDelivery?: boolean
}

export interface Rig extends Interworking {
  readonly play: (service: string) => PlayedService
  readonly delivered: ReturnType<typeof inbox<Delivery>>
  readonly prefix: string
  readonly metrics: ReturnType<typeof createMetrics>
  /** What was noted in the trace. */
  readonly trace: readonly (CheckpointNote & { readonly id: string })[]
  send(over?: Partial<CpmMessage>, target?: Uri, called?: SipFunction): ReturnType<Interworking['accept']>
  /** Leaves everything as a killed process would. */
  abandon(): Promise<void>
}

/** The interworking functions over a real spool, with the SIP side and the services played by the test. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const prefix = options.prefix ?? freshPrefix()
  const redis = await openTestRedis(prefix)
  const spool = await createSpool(redis, { node: options.node ?? 'gw1', clock: systemClock, log: silent })
  const reminders = createReminders(redis, { clock: options.clock ?? systemClock, log: silent })
  const played = new Map<string, PlayedService>()
  const services = options.services ?? { sms: {} }
  const config = configSchema.parse({
    node: options.node ?? 'gw1',
    domain: 'cpm.example',
    interworking: {
      services: Object.fromEntries(Object.entries(services).map(([id, extra]) => [id, { adapter: id, ...extra }])),
      policies: { retry: { first: '50ms', factor: 1, max: '50ms' }, ...options.policies },
      sessions: options.sessionPolicies ?? {},
    },
  })
  const delivered = inbox<Delivery>()
  const directory: UserDirectory = {
    find: (address) =>
      address === ALICE || address === ALICE_NUMBER
        ? { uri: ALICE, addresses: [ALICE, ALICE_NUMBER], password: '' }
        : undefined,
    all: () => [],
  }
  const metrics = createMetrics()
  const trace: (CheckpointNote & { readonly id: string })[] = []
  const interworking = createInterworking({
    config,
    adapters: new Map(
      Object.keys(services).map((id) => [
        id,
        { module: playedModule(played, options, options.native?.[id]), options: {} },
      ]),
    ),
    spool,
    deliver: async (delivery) => {
      const outcome = options.deliver?.(delivery) ?? { kind: 'delivered', said: '200' }
      if (outcome.kind === 'delivered') delivered.put(delivery)
      return outcome
    },
    directory: options.externalCore ? undefined : directory,
    ...(options.sessions && { sessions: { ...options.sessions, reminders } }),
    ...(options.isGroup && { isGroup: options.isGroup }),
    ...(options.mayWrite && { mayWrite: options.mayWrite }),
    recorder: createRecorder(
      metrics,
      {
        note: (id, station) => void trace.push({ id, ...station }),
        read: async () => [],
        stop: async () => {},
        follow: emptyStream,
      },
      silent,
      { record: () => {} },
    ),
    registry: metrics.registry,
    clock: options.clock ?? systemClock,
    log: silent,
  })
  await interworking.start()
  reminders.start()

  let running = true
  const close = async (deadline: AbortSignal) => {
    if (!running) return
    running = false
    await reminders.stop(deadline)
    await interworking.stop(deadline)
    await spool.stop(deadline)
    await redis.stop()
  }
  onTestFinished(() => close(AbortSignal.timeout(5_000)))

  return {
    ...interworking,
    prefix,
    delivered,
    metrics,
    trace,
    play: (service) => played.get(service) as PlayedService,
    abandon: () => close(AbortSignal.abort()),
    send(over = {}, target = HANDSET, called = 'orig') {
      const sent = message({ sentAt: Date.now(), expiresAt: Date.now() + 600_000, ...over })
      const request: CpmRequest = {
        function: called,
        originator: { uri: ALICE, addresses: [ALICE, ALICE_NUMBER], device: 'urn:uuid:1' },
        target,
        content: { kind: 'message', message: sent },
        maxForwards: 69,
        routes: [],
        said: 'MESSAGE',
      }
      return interworking.accept(request, sent)
    },
  }
}

async function* emptyStream() {}

function playedModule(
  played: Map<string, PlayedService>,
  { reports = false, laterDelivery = false }: Pick<RigOptions, 'reports' | 'laterDelivery'>,
  sessions: SessionPort | undefined,
): AdapterModule<unknown> {
  return {
    options: z.unknown(),
    create: (_, context: AdapterContext) => {
      const service: PlayedService = {
        offered: inbox(),
        told: inbox(),
        answer: () => taken(),
        gateway: context.gateway,
        recalled: inbox(),
        recall: () => ({ kind: 'done', said: 'OK' }),
        refuses: () => undefined,
        invite: context.receiveInvitation,
      }
      played.set(context.service as ServiceId, service)
      return {
        capabilities: {
          schemes: ['tel'],
          media: ['text/plain'],
          maxBytes: 1_000,
          reports: { delivered: true, displayed: false },
          sessions: sessions !== undefined,
          presence: false,
          laterDelivery,
        },
        ...(sessions && { sessions }),
        addresses: { toService: (uri) => (uri.startsWith('tel:+') ? uri : undefined) },
        messages: {
          parallel: () => 10,
          refuses: () => service.refuses(),
          async send(offered, { possibleDuplicate, progress }) {
            service.offered.put({ ...offered, possibleDuplicate, ...(progress && { progress }) })
            return service.answer(offered)
          },
          async cancel(message) {
            service.recalled.put(message)
            return service.recall()
          },
          async replace(message, content) {
            service.recalled.put({ ...message, content })
            return service.recall()
          },
          ...(reports
            ? {
                report: async (report: OutboundReport): Promise<SendOutcome> => {
                  service.told.put(report)
                  return { kind: 'delivered' }
                },
              }
            : {}),
        },
        start: () => Promise.resolve(),
        stop: () => Promise.resolve(),
        health: () => ({ state: 'up', since: 0, detail: '', links: [] }),
      }
    },
  }
}

export const fromHandset = (over: Partial<InboundMessage> = {}): InboundMessage => ({
  id: `in-${++references}`,
  rememberMs: 60_000,
  from: HANDSET,
  replyable: true,
  to: ALICE_NUMBER,
  content: { type: 'text/plain;charset=utf-8', text: 'hi back' },
  wantsReport: false,
  said: 'deliver_sm',
  ...over,
})

export const receipt = (key: string, state: 'delivered' | 'failed' | 'displayed' = 'delivered') => ({
  keys: [key],
  converted: [],
  addresses: [],
  state,
  said: `id:${key}`,
})
