import type { SessionSide } from '../../../adapters/contract/sessions.js'
import { sameParty } from '../../cpm/address.js'
import type { SessionHandlers } from '../../msrp/session.js'
import type { Leg } from '../../sip/session-port.js'
import type { Hall } from './hall.js'
import { createLegEndpoint, type LegEndpoint } from './leg-endpoint.js'
import { createLegMedia, type LegMedia, type MessageStreamFace } from './leg-media.js'
import type { Endpoint, Leaving, Participant } from './participant.js'
import { createSideEndpoint } from './side-endpoint.js'
import type { StreamKey } from './streams.js'

const LOST: Leaving = { how: 'failed', status: 408, text: 'the connection of the message stream is gone' }
const DEPARTED: Leaving = { how: 'departed' }
const CUT: Leaving = { how: 'failed', isCut: true }

/** Media of a leg that has no dialog yet; it is told whose they are once there is one. */
export interface AwaitedMedia {
  readonly media: LegMedia
  /** The dialog stands: its endpoint takes a seat, and the connections begin. */
  seat(leg: Leg, participant: Participant, joining: LegJoining, device?: string): LegEndpoint
}

type LegJoining = 'dialed-in' | 'dialed-out' | 'focus-owner'

/** What happens within legs. */
export interface LegListeners {
  readonly onModify: (endpoint: LegEndpoint, offer: string) => ReturnType<Parameters<Leg['onModify']>[0]>
  readonly onRefer: Parameters<Leg['onRefer']>[0]
}

/** Makes the seats of one session. */
export interface Seats {
  awaitMedia(): AwaitedMedia
  /** CPM's side of a session with a service, ready before the service has answered. `shown`: who it has been told is in. */
  awaitSide(participant: Participant, shown?: readonly Participant[]): AwaitedSide
  legs(): readonly LegEndpoint[]
}

export interface AwaitedSide {
  readonly ours: SessionSide
  seat(theirs: SessionSide, joining: 'dialed-in' | 'dialed-out'): Endpoint
}

export function createSeats(hall: Hall, listeners: LegListeners): Seats {
  const { options, distribution, roster } = hall
  const { media: surroundings, policies, maxBytes, recorder, clock } = options
  const chatroom = [
    ...(policies.nicknames ? ['nickname'] : []),
    ...(policies.privateMessages ? ['private-messages'] : []),
  ]
  const face: MessageStreamFace = { maxSize: maxBytes, chatroom }
  const legs = new Set<LegEndpoint>()
  let count = 0

  function handlers(key: StreamKey, seated: () => LegEndpoint | undefined): SessionHandlers {
    return {
      async message(message) {
        const endpoint = seated()
        return endpoint ? distribution.receive(endpoint, key, message) : { status: 403 }
      },
      async nickname(name) {
        const endpoint = seated()
        return endpoint ? takeNickname(endpoint.participant, name) : 403
      },
      closed(why) {
        const endpoint = seated()
        if (why !== 'closed' && endpoint) hall.unseat(endpoint, LOST)
      },
    }
  }

  /** RFC 7701 §7: 403 where there are none, 425 when another has it. */
  function takeNickname(participant: Participant, name: string): number {
    if (!policies.nicknames) return 403
    const wanted = name.trim()
    if (wanted === '') delete participant.nickname
    else if (wanted.length > MAX_NICKNAME) return 424
    else if (!roster.isFree(wanted, participant)) return 425
    else participant.nickname = wanted
    hall.announce(participant)
    return 200
  }

  return {
    legs: () => [...legs],
    awaitMedia() {
      let endpoint: LegEndpoint | undefined
      const media = createLegMedia(surroundings, face, (key) => handlers(key, () => endpoint))
      return {
        media,
        seat(leg, participant, joining, device) {
          const made = createLegEndpoint({
            participant,
            number: ++count,
            leg,
            media,
            joining,
            ...(device !== undefined && { device }),
            clock,
            recorder,
            changed: () => hall.announce(participant),
            failed: (leaving) => hall.unseat(made, leaving),
          })
          endpoint = made
          legs.add(made)
          const left = (): void => {
            legs.delete(made)
            hall.unseat(made, leg.ended.reason === 'lost' ? CUT : DEPARTED)
          }
          leg.onModify((offer) => listeners.onModify(made, offer))
          leg.onRefer(listeners.onRefer)
          media.start()
          hall.seat(made)
          if (leg.ended.aborted) left()
          else leg.ended.addEventListener('abort', left, { once: true })
          return made
        },
      }
    },
    awaitSide(participant, shown = []) {
      let endpoint: Endpoint | undefined
      /** He may leave before his yes has got here. */
      let hasLeft = false
      const ours: SessionSide = {
        async say(message) {
          if (!endpoint || hall.isOver) return { kind: 'refused', reason: 'recipient-unavailable', said: 'not in it' }
          return distribution.say(endpoint, message)
        },
        composing(_from, state) {
          if (endpoint) distribution.composing(endpoint, state)
        },
        report: (messageId, _from, state) => distribution.report(participant, messageId, state),
        // Who else is on the service's side is its own business: to CPM it is one member, who may have a name there.
        joined({ address, name }) {
          const isHe = participant.addresses.some((own) => sameParty(own, address))
          if (isHe && name !== undefined && name !== participant.name) takeNickname(participant, name)
        },
        left: () => undefined,
        async leave() {
          hasLeft = true
          if (endpoint) hall.unseat(endpoint, DEPARTED)
        },
      }
      return {
        ours,
        seat(side, joining) {
          const made = createSideEndpoint({
            participant,
            side,
            joining,
            recorder,
            now: () => clock.now(),
            failed: (leaving) => hall.unseat(made, leaving),
            untaken: ({ messageId }) => distribution.report(participant, messageId, 'failed'),
          })
          endpoint = made
          hall.seat(made)
          if (hasLeft) hall.unseat(made, DEPARTED)
          else tellWhoIsIn(made, shown)
          return made
        },
      }
    },
  }

  /** Those it has not been told of come, those who have left meanwhile go. */
  function tellWhoIsIn({ participant, told }: Endpoint, shown: readonly Participant[]): void {
    const inside = roster.all().filter((other) => other !== participant && other.endpoints.size > 0)
    for (const other of shown) if (!inside.includes(other)) told?.(other, 'left')
    for (const other of inside) if (!shown.includes(other)) told?.(other, 'joined')
  }
}

/** Characters. */
const MAX_NICKNAME = 64
