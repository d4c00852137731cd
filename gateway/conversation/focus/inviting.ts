import { type Cause, type Dialled, dial } from './dialing.js'
import { admitting, type Hall } from './hall.js'
import type { StreamTemplate } from './leg-media.js'
import type { Parcel } from './parcel.js'
import type { Endpoint, Participant } from './participant.js'
import type { Newcomer } from './roster.js'
import type { Seats } from './seats.js'
import { MESSAGE_STREAM } from './side-endpoint.js'
import { kindOf } from './streams.js'

/** How the invitation of one member has ended. */
export type Rung =
  | { readonly kind: 'joined'; readonly endpoint: Endpoint }
  | { readonly kind: 'refused'; readonly status: number; readonly reason: string }

/** Invites one who is not in; never rejects. `onAlerting` may be called once. */
export type Ring = (newcomer: Newcomer, cause: Cause, onAlerting?: () => void) => Promise<Rung>

/** Before anything else is said to him. */
function joined(endpoint: Endpoint, first: Parcel | undefined): Rung {
  if (first) endpoint.deliver(MESSAGE_STREAM, first)
  return { kind: 'joined', endpoint }
}

const refusal = (status: number, reason: string): Rung => ({ kind: 'refused', status, reason })

/** Invitations of one session to its members (`CF-GRP-03`, `GRP-ADD-05`). */
export function createInviting(hall: Hall, seats: Seats): Ring {
  const { options, roster } = hall

  return async (newcomer, cause, onAlerting = () => undefined) => {
    if (roster.find([newcomer.account, ...newcomer.addresses])) return refusal(486, 'Busy Here')
    if (options.isBusy(newcomer.account)) return refusal(486, 'Busy Here')
    const participant = roster.add(newcomer)
    if (!options.isMember(participant.addresses)) {
      hall.change({ admitted: admitting(hall.record().admitted, [participant.account]) })
    }
    const withdraw = new AbortController()
    participant.ringing = { withdraw, status: 'dialing-out' }
    hall.announce(participant)
    options.recorder.note(hall.record(), { kind: 'invited', who: participant.account })
    const rung = await attempt(participant, cause, withdraw.signal, () => {
      if (participant.ringing) participant.ringing.status = 'alerting'
      hall.announce(participant)
      onAlerting()
    })
    if (rung.kind === 'refused') {
      const { status, reason } = rung
      options.recorder.note(hall.record(), { kind: 'declined', who: participant.account, status, reason })
      delete participant.ringing
      if (!withdraw.signal.aborted) {
        hall.absent(participant, {
          how: rung.status === 486 ? 'busy' : 'failed',
          status: rung.status,
          text: rung.reason,
        })
      }
    }
    return rung
  }

  async function attempt(
    participant: Participant,
    cause: Cause,
    withdrawn: AbortSignal,
    onAlerting: () => void,
  ): Promise<Rung> {
    const { media, seat } = seats.awaitMedia()
    const others = roster.all().filter((other) => other !== participant && other.endpoints.size > 0)
    const side = seats.awaitSide(participant, others)
    try {
      const dialled = await dial(options, participant, cause, {
        streams: streamsFor(participant),
        media,
        ours: side.ours,
        others,
        onAlerting,
        withdrawn,
      })
      return await answered(dialled)
    } catch (error) {
      media.close()
      options.fault(error)
      return refusal(500, 'Server Internal Error')
    }

    async function answered(dialled: Dialled): Promise<Rung> {
      if (dialled.kind !== 'leg') media.close()
      if (dialled.kind === 'refused') return dialled
      const { first } = cause
      const isLate = hall.isOver || withdrawn.aborted
      if (dialled.kind === 'side') {
        if (!isLate) return joined(side.seat(dialled.side, 'dialed-out'), first)
        await dialled.side.leave()
        return refusal(487, 'Request Terminated')
      }
      const isFit = !isLate && media.answered(dialled.sdp)
      if (isFit) {
        const endpoint = seat(dialled.leg, participant, 'dialed-out', dialled.device)
        return joined(endpoint, dialled.hasFirstMessage ? undefined : first)
      }
      media.close()
      await dialled.leg.end(isLate ? undefined : { status: 488, text: 'no stream was accepted' })
      return isLate ? refusal(487, 'Request Terminated') : refusal(488, 'Not Acceptable Here')
    }
  }

  /** All streams of the session that he may have (`MED-09`). */
  function streamsFor({ addresses }: Participant): readonly StreamTemplate[] {
    const inUse = hall.inUse()
    const allows = options.allows(addresses)
    return [...hall.templates.values()].filter(({ key }) => inUse.has(key) && allows({ kind: kindOf(key) }))
  }
}
