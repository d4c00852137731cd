import { z } from 'zod'
import type { AdapterContext, AdapterModule, PresenceGateway, WatchState } from '../../adapters/contract/index.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import { inbox } from '../interworking/rig.js'

export interface Asked {
  readonly verb: 'watch' | 'unwatch'
  readonly watcher: Uri
  readonly presentity: Uri
}

/** A service with presence, played by the test: what it is asked and told, and its side of the contract. */
export interface PlayedService {
  readonly asked: ReturnType<typeof inbox<Asked>>
  readonly told: ReturnType<
    typeof inbox<{ readonly presentity: Uri; readonly watcher: Uri; readonly state: WatchState }>
  >
  /** It cannot be reached. */
  down: boolean
  gateway: PresenceGateway
}

/** Whether a service has presence, and who watches there: each user by himself, or the gateway for all. */
export type Watching = 'none' | 'each' | 'gateway'

const DOMAINS: Readonly<Record<Watching, RegExp>> = {
  none: /^(?:xmpp:.*@mail\.|sip:.*@cpm\.example$|tel:)/,
  each: /^(?:xmpp:.*@(?!mail\.|open\.)|sip:.*@cpm\.example$|tel:)/,
  gateway: /^(?:xmpp:.*@open\.)/,
}

/** Adapters of services whose users have xmpp: addresses: one without presence at mail.example, one that is open to the gateway at open.example. */
export function playedModule(played: Map<string, PlayedService>, watching: Watching): AdapterModule<unknown> {
  const domain = DOMAINS[watching]
  const presence = watching !== 'none'
  return {
    options: z.unknown(),
    create(_, context: AdapterContext) {
      if (!context.presence) throw new Error('the gateway has no presence')
      const service: PlayedService = { asked: inbox(), told: inbox(), down: false, gateway: context.presence }
      played.set(context.service, service)
      const reach = () => {
        if (service.down) throw new Error('out of reach')
      }
      return {
        capabilities: {
          schemes: ['xmpp'],
          media: ['text/plain'],
          maxBytes: 1_000,
          reports: { delivered: true, displayed: false },
          sessions: false,
          presence,
          ...(watching === 'gateway' && { presenceFor: 'gateway' }),
        },
        addresses: { toService: (uri) => (domain.test(uri) ? uri : undefined) },
        messages: {
          parallel: () => 1,
          refuses: () => undefined,
          send: async () => ({ kind: 'refused', final: 'here', reason: 'service-unavailable', said: '' }),
        },
        ...(presence && {
          presence: {
            async watch(watcher, presentity) {
              service.asked.put({ verb: 'watch', watcher, presentity })
              reach()
            },
            async unwatch(watcher, presentity) {
              service.asked.put({ verb: 'unwatch', watcher, presentity })
            },
            async notify(presentity, watcher, state) {
              reach()
              service.told.put({ presentity, watcher, state })
            },
          },
        }),
        start: () => Promise.resolve(),
        stop: () => Promise.resolve(),
        health: () => ({ state: 'up', since: 0, detail: '', links: [] }),
      }
    },
  }
}
