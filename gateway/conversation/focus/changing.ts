import type { SipAnswer } from '../../sip/port.js'
import type { ReferRequest } from '../../sip/session-port.js'
import type { Cause } from './dialing.js'
import type { Hall } from './hall.js'
import type { Ring, Rung } from './inviting.js'
import { judge } from './joining.js'
import type { LegEndpoint } from './leg-endpoint.js'
import type { Endpoint, Participant } from './participant.js'
import { isAmong } from './policy.js'
import type { Seats } from './seats.js'
import { type Judgement, kindOf } from './streams.js'

/** What members change in a session that runs. */
export interface Changing {
  /** A re-INVITE of a member (`MOD-11`). */
  modified(endpoint: LegEndpoint, offer: string): { readonly sdp: string } | SipAnswer
  /** Offers the others what has been added, and no more what has been taken away for all (`MED-28` to `MED-32`). */
  spread(by: Endpoint, judgement: Judgement): void
  /** A REFER: others are invited, or removed (`GRP-ADD-04`, `GRP-RM-04`). */
  referred(refer: ReferRequest): SipAnswer
}

const REMOVED = { how: 'booted', status: 410, text: 'removed from the session' } as const

export function createChanging(hall: Hall, seats: () => Seats, ring: Ring): Changing {
  const { options, roster, rights, templates } = hall
  const { policies, recorder, fault } = options

  function spread(by: Endpoint, { added, removed }: Judgement): void {
    for (const { key, media } of added) templates.set(key, { key, media })
    for (const key of removed) templates.delete(key)
    if (added.length === 0 && removed.size === 0) return
    for (const leg of seats().legs()) {
      if (leg === by || hall.isOver) continue
      const own = leg.keys()
      const allows = options.allows(leg.participant.addresses)
      const more = added.filter(({ key }) => !own.has(key) && allows({ kind: kindOf(key) }))
      const less = new Set([...removed].filter((key) => own.has(key)))
      if (more.length > 0 || less.size > 0) leg.reoffer(less, more).catch(fault)
    }
  }

  /** What is done once the answer has left (`FLOW-08`, `FLOW-10`). */
  function afterwards(run: () => Promise<void>): void {
    setImmediate(() => {
      if (!hall.isOver) run().catch(fault)
    })
  }

  function add(refer: ReferRequest): SipAnswer {
    const { originator, users } = refer
    if (!rights.invite(originator.addresses)) return forbidden('you may not invite')
    const newcomers = users.map((user) => options.newcomer(user))
    const open = newcomers.filter(({ addresses }) => !isAmong(addresses, options.group?.barred ?? []))
    if (open.length === 0) return forbidden('barred from the group')
    const absent = open.filter(({ addresses }) => !roster.find(addresses))
    if (roster.all().length + absent.length > policies.maxParticipants) return forbidden('the session is full')
    const by = roster.find(originator.addresses)
    const cause: Cause = {
      inviter: {
        uri: originator.uri,
        addresses: originator.addresses,
        ...(by?.name !== undefined && { name: by.name }),
      },
      isAnonymous: by?.isAnonymous ?? false,
      expiresAt: options.validUntil(),
    }
    const { removed } = hall.record()
    hall.change({
      removed: removed.filter((address) => !absent.some(({ addresses }) => isAmong(addresses, [address]))),
    })
    afterwards(async () => {
      await refer.notify(outcomeOf(await Promise.all(absent.map((newcomer) => ring(newcomer, cause)))))
    })
    return { status: 200 }
  }

  function remove(refer: ReferRequest): SipAnswer {
    const { originator, users } = refer
    if (!rights.remove(originator.addresses)) return forbidden('you may not remove')
    const found = users.flatMap((user) => roster.shown(user) ?? [])
    if (found.length === 0) return { status: 404, warning: 'no such participant' }
    afterwards(async () => {
      for (const participant of found) release(participant)
      await refer.notify({ status: 200, reason: 'OK' })
    })
    return { status: 200 }
  }

  function release(participant: Participant): void {
    const { ringing, endpoints, account } = participant
    hall.change({ removed: [...hall.record().removed, account].slice(-1_000) })
    if (ringing) {
      ringing.withdraw.abort()
      delete participant.ringing
      hall.absent(participant, REMOVED)
    }
    for (const endpoint of [...endpoints]) hall.unseat(endpoint, REMOVED)
    options.removed(participant.addresses)
  }

  return {
    spread,
    modified(endpoint, offer) {
      const judged = judge(hall, endpoint.participant.addresses, offer, endpoint.media.slots, endpoint)
      const sdp = judged && endpoint.media.answer(judged.offer, judged.judgement.accepted)
      if (!judged || sdp === undefined) return { status: 488 }
      afterwards(async () => {
        endpoint.media.start()
        hall.announce(endpoint.participant)
        spread(endpoint, judged.judgement)
      })
      return { sdp }
    },
    referred(refer) {
      const { addresses } = refer.originator
      const isIn = (roster.find(addresses)?.endpoints.size ?? 0) > 0
      const right = refer.method === 'INVITE' ? policies.invite : policies.remove
      const answer =
        hall.isOver || (!isIn && !Array.isArray(right))
          ? forbidden('you are not in the session')
          : refer.method === 'INVITE'
            ? add(refer)
            : remove(refer)
      if (answer.status >= 300) recorder.count('refused')
      return answer
    },
  }
}

const forbidden = (warning: string): SipAnswer => ({ status: 403, warning })

/** One word for all who were invited: good when one has come. */
function outcomeOf(rung: readonly Rung[]): { readonly status: number; readonly reason: string } {
  const refused = rung.flatMap((one) => (one.kind === 'refused' ? [one] : []))
  const [first] = refused
  return first && refused.length === rung.length ? first : { status: 200, reason: 'OK' }
}
