import { EventEmitter } from 'node:events'
import { z } from 'zod'
import type {
  AdapterContext,
  AdapterModule,
  ServiceAdapter,
  SessionAnswer,
  SessionSide,
} from '../../adapters/contract/index.js'
import type { MessageId, Uri } from '../../gateway/cpm/ids.js'
import { type KitSessionPeer, sessionContract } from './sessions.js'

/** The simplest service with sessions: one user in memory. It shows that the kit can be passed, and what an adapter has to do. */
const USER = 'xmpp:harry@im.example' as Uri
const HOME = 'sip:alice@cpm.example' as Uri

class Service extends EventEmitter<{ changed: [] }> {
  up = true
  how: 'accept' | 'decline' | 'nothing' = 'accept'
  received: string[] = []
  left = false
  inviting = false
  invited: Promise<'accepted' | 'refused'> = Promise.resolve('refused')
  /** CPM's side of the session that stands. */
  ours: SessionSide | undefined
  invite: (text: string) => Promise<void> = async () => undefined
}

const adapter = (service: Service): AdapterModule<unknown> => ({
  options: z.unknown(),
  create: (_, context) => create(service, context),
})

function create(service: Service, { gateway, receiveInvitation }: AdapterContext): ServiceAdapter {
  const end = async (): Promise<void> => {
    const { ours } = service
    service.ours = undefined
    service.up = false
    await ours?.leave()
  }
  function side(): SessionSide {
    let over = false
    return {
      async say({ content }) {
        if (over || !service.up || !service.ours) return { kind: 'refused', reason: 'recipient-gone', said: 'gone' }
        service.received.push('text' in content ? content.text : '')
        return { kind: 'taken' }
      },
      composing: () => undefined,
      report: () => undefined,
      joined: () => undefined,
      left: () => undefined,
      async leave() {
        over = true
        service.left = true
        service.ours = undefined
      },
    }
  }
  service.on('changed', () => gateway.healthChanged())
  service.invite = async () => {
    const theirs = side()
    const expiresAt = Date.now() + 10_000
    const invitation = { id: 'in-1', from: USER, to: HOME, expiresAt }
    const answer = receiveInvitation?.(invitation, theirs, new AbortController().signal)
    service.inviting = true
    service.invited = Promise.resolve(answer).then(async (given) => {
      if (given?.kind !== 'accepted') return 'refused'
      if (!service.inviting) {
        await theirs.leave()
        await given.side.leave()
        return 'refused'
      }
      service.ours = given.side
      return 'accepted'
    })
    await service.invited
  }
  return {
    capabilities: {
      schemes: ['xmpp'],
      media: ['text/plain'],
      maxBytes: 1_000,
      reports: { delivered: false, displayed: false },
      sessions: true,
      presence: false,
    },
    addresses: { toService: (uri) => uri },
    messages: {
      parallel: () => 1,
      refuses: () => undefined,
      send: async () => ({ kind: 'delivered' }),
    },
    sessions: {
      invite: (_invitation, ours, withdrawn) =>
        new Promise<SessionAnswer>((resolve) => {
          const refuse = (reason: 'deleted' | 'service-unavailable' | 'refused-by-recipient') =>
            resolve({ kind: 'refused', reason, said: reason })
          if (!service.up) return refuse('service-unavailable')
          if (service.how === 'decline') return refuse('refused-by-recipient')
          withdrawn.addEventListener('abort', () => refuse('deleted'))
          if (service.how === 'nothing') return
          service.ours = ours
          resolve({ kind: 'accepted', side: side() })
        }),
    },
    start: async () => {
      service.up = true
    },
    stop: end,
    health: () => ({ state: service.up ? 'up' : 'connecting', since: 0, detail: '', links: [] }),
  }
}

const service = { current: new Service() }
let said = 0

const module: AdapterModule<unknown> = {
  options: z.unknown(),
  create: (options, context) => adapter(service.current).create(options, context),
}

sessionContract('a service in memory', module, async (): Promise<KitSessionPeer> => {
  const played = new Service()
  service.current = played
  return {
    options: {},
    user: USER,
    home: HOME,
    answers: (how) => {
      played.how = how
    },
    say: async (text) => {
      const messageId = `said-${++said}` as MessageId
      const reports = { delivered: false, failed: false, displayed: false }
      await played.ours?.say({
        messageId,
        from: { address: USER },
        content: { type: 'text/plain', text },
        sentAt: 0,
        reports,
      })
    },
    received: () => played.received.join('\n'),
    leave: async () => {
      const { ours } = played
      played.ours = undefined
      played.inviting = false
      await ours?.leave()
    },
    wasLeft: () => played.left,
    invite: (text) => played.invite(text),
    invited: () => played.invited,
    down: async () => {
      played.up = false
      played.emit('changed')
    },
    close: async () => undefined,
  }
})
