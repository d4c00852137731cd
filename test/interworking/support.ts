import type { AdapterHealth, ServiceAdapter } from '../../adapters/contract/index.js'
import { configSchema, type ServiceConfig } from '../../gateway/config/schema.js'
import type { FailureReason } from '../../gateway/cpm/failure.js'
import type { ContributionId, ConversationId, MessageId, ServiceId, Uri } from '../../gateway/cpm/ids.js'
import type { CpmMessage } from '../../gateway/cpm/message.js'
import type { Service } from '../../gateway/interworking/service.js'
import type { OutboundItem } from '../../gateway/interworking/verdict.js'
import type { NoteStore } from '../../gateway/spool/spool.js'

export const ALICE = 'sip:alice@cpm.example' as Uri
export const HANDSET = 'tel:+12065550177' as Uri

export const policies = configSchema.parse({}).interworking.policies

export function message(over: Partial<CpmMessage> = {}): CpmMessage {
  return {
    messageId: 'Msg-1' as MessageId,
    from: ALICE,
    to: HANDSET,
    sentAt: 1_000,
    expiresAt: 1_000_000,
    conversationId: 'conv-1' as ConversationId,
    contributionId: 'contr-1' as ContributionId,
    privacy: false,
    dispositions: ['positive-delivery', 'negative-delivery'],
    content: { type: 'text/plain;charset=utf-8', text: 'hello' },
    ...over,
  }
}

export interface ServiceShape {
  readonly config?: Partial<ServiceConfig>
  readonly state?: AdapterHealth['state']
  readonly maxBytes?: number
  readonly toService?: (uri: Uri) => Uri | undefined
  readonly refuses?: (type: string) => FailureReason | undefined
}

/** A service whose adapter only answers what selection asks: nothing is ever sent. */
export function service(id: string, shape: ServiceShape = {}): Service {
  const parsed = configSchema.parse({ interworking: { services: { [id]: { adapter: id } } } })
  const defaults = parsed.interworking.services[id] as ServiceConfig
  const adapter: ServiceAdapter = {
    capabilities: {
      schemes: ['tel'],
      media: ['text/plain'],
      maxBytes: shape.maxBytes ?? 1_000,
      reports: { delivered: true, displayed: false },
      sessions: false,
      presence: false,
    },
    addresses: { toService: shape.toService ?? ((uri) => (uri.startsWith('tel:+') ? uri : undefined)) },
    messages: {
      parallel: () => 1,
      send: () => Promise.reject(new Error('nothing is sent here')),
      refuses: ({ content }) =>
        shape.refuses
          ? shape.refuses(content.type)
          : content.type.startsWith('text/plain')
            ? undefined
            : 'content-unsupported',
    },
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    health: () => ({ state: shape.state ?? 'up', since: 0, detail: '', links: [] }),
  }
  return { id: id as ServiceId, config: { ...defaults, ...shape.config }, adapter }
}

export const servicesOf = (...list: Service[]) => new Map(list.map((one) => [one.id, one]))

export function outboundItem(over: Partial<OutboundItem> = {}, services: readonly string[] = ['sms']): OutboundItem {
  return {
    id: `${ALICE}|Msg-1`,
    lane: `out.${services[0]}`,
    attempts: 0,
    acceptedAt: 10_000,
    expiresAt: 1_000_000,
    payload: {
      message: message(),
      replyTo: { user: ALICE, device: 'urn:uuid:1' },
      candidates: services.map((id) => ({ service: id as ServiceId, from: 'tel:+12065550100' as Uri, to: HANDSET })),
      index: 0,
    },
    ...over,
  }
}

/** Notes in memory, with the spool's meaning of each verb but for their lives. */
export function memoryNotes(): NoteStore & {
  readonly content: Map<string, string>
  /** What life each key was last given, ms. */
  readonly lives: Map<string, number>
} {
  const content = new Map<string, string>()
  const lives = new Map<string, number>()
  return {
    content,
    lives,
    get: async (key) => content.get(key),
    async put({ key, value, lifeMs }) {
      content.set(key, value)
      lives.set(key, lifeMs)
    },
    putIfAbsent: async ({ key, value }) => !content.has(key) && Boolean(content.set(key, value)),
    remove: async (key) => void content.delete(key),
    async update<State, Result>(
      key: string,
      lifeMs: number,
      change: (state: State | undefined) => { next: State | undefined; result: Result },
    ) {
      const known = content.get(key)
      const { next, result } = change(known === undefined ? undefined : (JSON.parse(known) as State))
      if (next === undefined) content.delete(key)
      else content.set(key, JSON.stringify(next))
      if (next !== undefined) lives.set(key, lifeMs)
      return result
    },
  }
}
