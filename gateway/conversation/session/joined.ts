import type { SipAnswer } from '../../sip/port.js'
import type { Leg } from '../../sip/session-port.js'
import type { MediaRoute } from './media-route.js'
import { otherSide, type Side } from './slots.js'

/**
 * Two legs that are one session: what one offers goes to the other under the policy (`MOD-10`, `MOD-15`), what else it asks goes
 * there as it is (`GRP-RM-03`), and the end of one is the end of both (`SESS-15`, `GRP-REL-05`). Calls `ended` once.
 */
export function joinLegs(legs: Readonly<Record<Side, Leg>>, route: MediaRoute, ended: () => void): void {
  async function change(from: Side, offer: string): Promise<{ readonly sdp: string } | SipAnswer> {
    const offering = route.offer(from, offer)
    // MED-27: the session goes on as it was.
    if (typeof offering === 'string') return { status: 488, warning: offering }
    const outcome = await legs[otherSide(from)].modify(offering.sdp)
    if (outcome.kind === 'refused') {
      offering.dropped()
      return { status: outcome.status, reason: outcome.reason }
    }
    const sdp = offering.answered(outcome.sdp)
    return sdp === undefined ? { status: 488, warning: 'no stream is left' } : { sdp }
  }

  let over = false
  function end(by: Side): void {
    if (over) return
    over = true
    route.close()
    void legs[otherSide(by)].end(legs[by].farewell())
    ended()
  }

  for (const side of ['near', 'far'] as const) {
    const leg = legs[side]
    leg.onModify((offer) => change(side, offer))
    leg.passTo(legs[otherSide(side)])
    if (leg.ended.aborted) end(side)
    else leg.ended.addEventListener('abort', () => end(side), { once: true })
  }
}
