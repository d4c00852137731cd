import type { SessionAnswer, SessionSide } from '../../../../adapters/contract/index.js'
import { configSchema } from '../../../../gateway/config/schema.js'
import type { SessionInterworking } from '../../../../gateway/conversation/session/port.js'
import { systemClock } from '../../../../gateway/cpm/clock.js'
import type { ServiceId, Uri } from '../../../../gateway/cpm/ids.js'
import { createSessionBridge, type SessionBridge } from '../../../../gateway/interworking/session/bridge/bridge.js'
import type { InboundInvitation, OutsideInvitation } from '../../../../gateway/interworking/session/port.js'
import type { Invitation } from '../../../../gateway/sip/session-port.js'
import { openSessionStage, type SessionStage, type SessionStageOptions } from '../../../conversation/session/stage.js'
import { inbox } from '../../rig.js'
import { type PlayedSide, playedSide } from '../stage.js'

export const HANDSET = 'tel:+12065550177' as Uri
export const BOB = 'sip:bob@cpm.example' as Uri

/** Somebody outside who is asked; the test answers. */
export interface Asked {
  readonly invitation: OutsideInvitation
  readonly ours: SessionSide
  readonly withdrawn: AbortSignal
  ring(): void
  answer(given: SessionAnswer): void
}

export interface BridgeStage extends SessionStage {
  readonly bridge: SessionBridge
  readonly asked: ReturnType<typeof inbox<Asked>>
  /** What was seen of sessions with other services. */
  readonly seen: string[]
  /** Somebody outside invites a CPM user. */
  invites(over?: Partial<InboundInvitation>): {
    readonly theirs: PlayedSide
    readonly withdraw: AbortController
    readonly answer: Promise<SessionAnswer>
  }
  /** Nothing of any session is left. */
  empty(): Promise<void>
}

/** One-to-one sessions with SIP and MSRP on loopback, and everybody outside played. */
export async function openBridgeStage(options: SessionStageOptions = {}): Promise<BridgeStage> {
  const asked = inbox<Asked>()
  const seen: string[] = []
  const note = (what: string) => (_: Invitation, how?: unknown) =>
    void seen.push(how === undefined ? what : `${what} ${how}`)
  const played: SessionInterworking = { interwork: (...call) => bridge.interwork(...call) }
  const stage = await openSessionStage({ ...options, played })
  const config = configSchema.parse({
    domain: 'cpm.example',
    sessions: options.sessions ?? {},
    media: options.media ?? {},
  })
  const bridge = createSessionBridge({
    config,
    endpoint: stage.media,
    inviteUser: stage.inviteUser,
    invite: () => (invitation, ours, withdrawn, ring) =>
      new Promise((answer) => asked.put({ invitation, ours, withdrawn, ring, answer })),
    recorder: {
      received: () => undefined,
      invited: note('invited'),
      begun: note('begun'),
      ended: note('ended'),
      refused: note('refused'),
    },
    clock: systemClock,
  })
  return {
    ...stage,
    bridge,
    asked,
    seen,
    invites(over = {}) {
      const theirs = playedSide()
      const withdraw = new AbortController()
      const expiresAt = Date.now() + 60_000
      const invitation = { id: 'in-1', service: 'sms' as ServiceId, from: HANDSET, to: BOB, expiresAt, ...over }
      return { theirs, withdraw, answer: bridge.inviteWithin(invitation, theirs, withdraw.signal) }
    },
    async empty() {
      await stage.nothingLeft()
      if (bridge.sessions() !== 0) throw new Error(`${bridge.sessions()} sessions are left`)
    },
  }
}
