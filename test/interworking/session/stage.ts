import type { InboundMessage, OutboundMessage, SessionMessage, SessionSide } from '../../../adapters/contract/index.js'
import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { ConversationId, MessageId, Uri } from '../../../gateway/cpm/ids.js'
import type { InviteWithin, OutsideInvitation } from '../../../gateway/interworking/session/port.js'
import { type ManualClock, manualClock } from '../../contract-kit/clock.js'
import { fromHandset, inbox, type Rig, type RigOptions, startRig } from '../rig.js'
import { ALICE, HANDSET } from '../support.js'

export const GROUP = 'sip:friends@groups.cpm.example' as Uri
export const ALICE_NUMBER = 'tel:+12065550100' as Uri
export const POOL = ['tel:+18880000001', 'tel:+18880000002'] as const

/** One side of a session, played: what the other says to it. */
export interface PlayedSide extends SessionSide {
  readonly heard: ReturnType<typeof inbox<SessionMessage>>
  readonly reports: ReturnType<typeof inbox<string>>
  readonly ends: ReturnType<typeof inbox<FailureReason | 'left'>>
}

export function playedSide(): PlayedSide {
  const side = {
    heard: inbox<SessionMessage>(),
    reports: inbox<string>(),
    ends: inbox<FailureReason | 'left'>(),
  }
  return {
    ...side,
    async say(message) {
      side.heard.put(message)
      return { kind: 'taken' }
    },
    composing: () => undefined,
    report: (messageId, from, state) => side.reports.put(`${messageId} ${from.address} ${state}`),
    joined: () => undefined,
    left: () => undefined,
    leave: async (reason) => side.ends.put(reason ?? 'left'),
  }
}

export interface SessionRig extends Rig {
  readonly clock: ManualClock
  /** The gateway invites `target`; `ringing` counts. */
  invite(over?: Partial<OutsideInvitation>): Invited
  /** The next message to the handset. */
  text(): Promise<string>
  sms(): Promise<OutboundMessage>
  /** The handset answers what it got last, or writes to this number. */
  reply(text: string, to?: Uri, from?: Uri): Promise<string>
  lastSms(): OutboundMessage
  /** A message of the handset, to be sent by the test. */
  draft(over: Partial<InboundMessage>): InboundMessage
  /** Nothing else has been sent to the handset. */
  quiet(): boolean
}

export interface Invited {
  readonly ours: PlayedSide
  readonly answer: ReturnType<NonNullable<Rig['sessions']>['invite']>
  readonly withdraw: AbortController
  ringing: number
}

export interface SessionRigOptions extends Omit<RigOptions, 'sessions' | 'clock'> {
  readonly clock?: ManualClock
  /** What the invited one prefers. */
  readonly preference?: 'accept' | 'reject' | 'ask'
  readonly group?: InviteWithin
  readonly user?: InviteWithin
}

const refuse: InviteWithin = async () => ({ kind: 'refused', reason: 'service-unsupported', said: 'not played' })
let messages = 0

/** A thing said in a session. */
export const spoken = (text: string, from = 'Bob', over: Partial<SessionMessage> = {}): SessionMessage => ({
  messageId: `said-${++messages}` as MessageId,
  from: { address: `sip:${from.toLowerCase()}@cpm.example` as Uri, name: from },
  content: { type: 'text/plain', text },
  sentAt: 0,
  reports: { delivered: false, failed: false, displayed: false },
  ...over,
})

export async function startSessionRig(options: SessionRigOptions = {}): Promise<SessionRig> {
  const clock = options.clock ?? manualClock(Date.now())
  const preferences = { of: async () => ({ sessions: options.preference, services: undefined }) as never }
  const rig = await startRig({
    services: { sms: { addresses: { pool: { numbers: POOL } } } },
    ...options,
    clock,
    sessions: { preferences, within: () => ({ user: options.user ?? refuse, group: options.group }) },
  })
  const sms = rig.play('sms')
  let last: OutboundMessage | undefined
  let count = 0
  return {
    ...rig,
    clock,
    invite(over = {}) {
      const sessions = rig.sessions
      if (!sessions) throw new Error('no sessions')
      const invited = { ours: playedSide(), withdraw: new AbortController(), ringing: 0 }
      const invitation: OutsideInvitation = {
        id: `invitation-${++count}`,
        function: 'orig',
        originator: { uri: ALICE, addresses: [ALICE, ALICE_NUMBER] },
        from: ALICE,
        fromName: 'Alice',
        target: HANDSET,
        identities: { conversationId: 'conv-1' as ConversationId },
        privacy: false,
        expiresAt: clock.now() + 300_000,
        ...over,
      }
      const answer = sessions.invite(invitation, invited.ours, invited.withdraw.signal, () => {
        invited.ringing++
      })
      return Object.assign(invited, { answer })
    },
    async sms() {
      last = await sms.offered.next()
      return last
    },
    async text() {
      last = await sms.offered.next()
      return 'text' in last.content ? last.content.text : `(${last.content.type})`
    },
    async reply(text, to = last?.from ?? ALICE_NUMBER, from = HANDSET) {
      const message: InboundMessage = fromHandset({ to, from, content: { type: 'text/plain', text } })
      return (await sms.gateway.receiveMessage(message)).kind
    },
    lastSms() {
      if (!last) throw new Error('nothing was sent')
      return last
    },
    draft: fromHandset,
    quiet: () => sms.offered.length === 0,
  }
}

/** An invitation to a group session. */
export const toGroup = (name = 'Friends', address = GROUP): Partial<OutsideInvitation> => ({
  originator: { uri: address, addresses: [address] },
  group: {
    address,
    name,
    participants: [
      { address: ALICE, name: 'Alice' },
      { address: 'sip:bob@cpm.example' as Uri, name: 'Bob' },
      { address: 'tel:+12065550103' as Uri },
    ],
  },
})
