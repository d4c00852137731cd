import type {
  Participant,
  SessionAnswer,
  SessionInvitation,
  SessionPort,
  SessionSide,
} from '../../../adapters/contract/index.js'
import type { Clock } from '../../cpm/clock.js'
import type { Uri } from '../../cpm/ids.js'
import { ownAddress } from '../originator.js'
import type { Service } from '../service.js'
import { refused } from './port.js'

/** What a participant is called in a service: the address the configuration gives him there, or the one he has. */
export type AddressIn = (address: Uri) => Uri

export const addressIn =
  (service: Service): AddressIn =>
  (address) =>
    ownAddress(service, { uri: address, addresses: [address] }) ?? address

export const presented = (in_: AddressIn, { address, ...rest }: Participant): Participant => ({
  ...rest,
  address: in_(address),
})

/**
 * Asks a service with sessions (`IWF-SESS-01`, `IWF-SESS-02`). No answer by the end of the validity counts as expired; one
 * that comes later ends what it began.
 */
export async function inviteNatively(
  port: SessionPort,
  invitation: SessionInvitation,
  ours: SessionSide,
  withdrawn: AbortSignal,
  clock: Clock,
): Promise<SessionAnswer> {
  const late = new AbortController()
  const cancel = clock.after(Math.max(0, invitation.expiresAt - clock.now()), () => late.abort())
  const over = AbortSignal.any([withdrawn, late.signal])
  const answer = port
    .invite(invitation, ours, over)
    .catch((error: unknown) => refused('internal', error instanceof Error ? error.message : String(error)))
  const first = await Promise.race([answer, fired(over)])
  cancel()
  if (first !== 'over') return first
  void answer.then((given) => (given.kind === 'accepted' ? given.side.leave('expired') : undefined))
  return withdrawn.aborted
    ? refused('deleted', 'the invitation was withdrawn')
    : refused('expired', 'no answer of the service in time')
}

const fired = (signal: AbortSignal): Promise<'over'> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve('over')
    else signal.addEventListener('abort', () => resolve('over'), { once: true })
  })

/** CPM's side as a service sees its own: calls of the other side are not wanted after the end, and it is ended once. */
export function onceOnly(side: SessionSide): SessionSide {
  let over = false
  return {
    say: (message) =>
      over
        ? Promise.resolve({ kind: 'refused', reason: 'recipient-gone', said: 'the session is over' })
        : side.say(message),
    composing: (from, state) => void (over || side.composing(from, state)),
    report: (messageId, from, state) => void (over || side.report(messageId, from, state)),
    joined: (participant) => void (over || side.joined(participant)),
    left: (participant) => void (over || side.left(participant)),
    async leave(reason) {
      if (over) return
      over = true
      await side.leave(reason)
    },
  }
}

/** A side that sees people as `named` has them: what a service calls them, for one. */
export function presenting(named: (participant: Participant) => Participant, side: SessionSide): SessionSide {
  return onceOnly({
    say: ({ from, ...message }) => side.say({ ...message, from: named(from) }),
    composing: (from, state) => side.composing(named(from), state),
    report: (messageId, from, state) => side.report(messageId, named(from), state),
    joined: (participant) => side.joined(named(participant)),
    left: (participant) => side.left(named(participant)),
    leave: (reason) => side.leave(reason),
  })
}
