import type { SessionAnswer, SessionSide } from '../../../adapters/contract/sessions.js'
import type { FailureReason } from '../../cpm/failure.js'
import type { Cause } from './dialing.js'
import type { Hall } from './hall.js'
import type { Ring } from './inviting.js'
import type { Newcomer } from './roster.js'
import type { Seats } from './seats.js'
import { MESSAGE_STREAM } from './side-endpoint.js'

/** Ways into a session for somebody outside CPM who comes by himself (`IWF-SESS-03`). */
export interface SideJoining {
  join(newcomer: Newcomer, theirs: SessionSide): SessionAnswer
  /** He begins it, as by an INVITE: the members are invited, and whoever comes first is the answer (`FLOW-05`). */
  begin(
    newcomer: Newcomer,
    theirs: SessionSide,
    members: readonly Newcomer[],
    until: Pick<Cause, 'expiresAt'> & { readonly withdrawn: AbortSignal },
  ): Promise<SessionAnswer>
}

const refused = (reason: FailureReason, said: string): SessionAnswer => ({ kind: 'refused', reason, said })

export function createSideJoining(hall: Hall, seats: Seats, ring: Ring): SideJoining {
  const { options, roster, rights, templates } = hall
  const { policies, recorder } = options

  function objection({ addresses, account }: Newcomer): SessionAnswer | undefined {
    if (!rights.join(addresses) || hall.isOver) return refused('sender-not-allowed', 'not open to him')
    const known = roster.find(addresses)
    const isFull = roster.all().length >= policies.maxParticipants
    const hasPlace = known ? known.endpoints.size === 0 : !isFull && !options.isBusy(account)
    return hasPlace ? undefined : refused('busy', 'no place in the session')
  }

  return {
    join(newcomer, theirs) {
      const objected = objection(newcomer)
      if (objected) return objected
      const side = seats.awaitSide(roster.find(newcomer.addresses) ?? roster.add(newcomer))
      side.seat(theirs, 'dialed-in')
      return { kind: 'accepted', side: side.ours }
    },

    async begin(newcomer, theirs, members, { expiresAt, withdrawn }) {
      const tooMany = members.length >= policies.maxParticipants
      const objected = objection(newcomer)
      if (objected || tooMany || members.length === 0) {
        await hall.end({ how: 'failed' })
        return objected ?? refused('recipient-unavailable', tooMany ? 'too many participants' : 'nobody can be invited')
      }
      hall.beginning = true
      templates.set(MESSAGE_STREAM, { key: MESSAGE_STREAM, media: A_MESSAGE_STREAM })
      const participant = roster.add({ ...newcomer, isOriginator: true })
      const onWithdrawn = (): void => void hall.end({ how: 'departed', status: 487, text: 'the inviter has withdrawn' })
      if (withdrawn.aborted) onWithdrawn()
      else withdrawn.addEventListener('abort', onWithdrawn, { once: true })
      const { account, addresses, name } = newcomer
      const cause: Cause = {
        inviter: { uri: account, addresses, ...(name !== undefined && { name }) },
        isAnonymous: false,
        expiresAt: options.validUntil(expiresAt),
      }
      const first = new Promise<'first'>((resolve) => hall.onFirst(participant, () => resolve('first')))
      const rung = Promise.all(members.map((member) => ring(member, cause)))
      const outcome = await Promise.race([first, rung.then(() => Promise.race([first, undefined]))])
      withdrawn.removeEventListener('abort', onWithdrawn)
      hall.beginning = false
      if (!outcome || hall.isOver) {
        await hall.end({ how: 'failed' })
        return refused('recipient-unavailable', withdrawn.aborted ? 'withdrawn' : 'nobody has come')
      }
      recorder.count('begun')
      const side = seats.awaitSide(participant)
      side.seat(theirs, 'dialed-in')
      hall.check()
      return { kind: 'accepted', side: side.ours }
    },
  }
}

/** What the members are offered; their own offers are made of their own sessions. */
const A_MESSAGE_STREAM = { kind: 'message', port: 9, proto: 'TCP/MSRP', formats: '*', lines: [] } as const
