import { randomUUID } from 'node:crypto'
import type { InboundMessage, SessionAnswer, SessionSide } from '../../../../adapters/contract/index.js'
import type { SessionInterworkingConfig, WithoutSessions } from '../../../config/session-interworking.js'
import type { PreferenceStore } from '../../../conversation/port.js'
import type { Clock } from '../../../cpm/clock.js'
import type { Uri } from '../../../cpm/ids.js'
import type { DispositionNotification } from '../../../cpm/message.js'
import type { Leases } from '../../lease.js'
import { ownAddress } from '../../originator.js'
import type { PendingAnswers } from '../../pending-answers.js'
import type { Route } from '../../selection.js'
import type { Service, Services } from '../../service.js'
import { type InviteWithin, type OutsideInvitation, refused } from '../port.js'
import { createGuest, type Guest } from './guest.js'
import { type KeptLines, letterOf } from './kept.js'
import { type GuestMail, plainText } from './mail.js'
import { type GuestRecord, type GuestRecords, sessionUri } from './record.js'
import { LEFT_BEHIND_AFTER_MS } from './telling.js'
import { fill, invitationValues, languageOf, languagesFor, nameOf, textsOf } from './texts.js'
import { textOf, understand } from './understand.js'

export interface GuestsOptions {
  readonly node: string
  readonly services: Services
  readonly policies: SessionInterworkingConfig
  /** Whether somebody who hides his address may be seen by a number of the pool. */
  readonly privacy: 'pool' | 'refuse'
  readonly preferences: Pick<PreferenceStore, 'of'>
  readonly leases: Leases
  readonly records: GuestRecords
  readonly mail: GuestMail
  readonly kept: KeptLines
  /** Whether another node lives. */
  readonly isAlive: (node: string) => Promise<boolean>
  readonly pending: PendingAnswers
  /** The way into a group for one who answers late; absent: there is none. */
  readonly join: InviteWithin | undefined
  readonly clock: Clock
  readonly onError: (error: unknown) => void
}

/** Users of services without sessions, in the sessions of this node (`CPM-IWF-008`). */
export interface Guests {
  /** Accepts, rejects or asks, as recipient and provider want it. Rejects with SpoolUnavailable. */
  invite(
    route: Route,
    invitation: OutsideInvitation,
    ours: SessionSide,
    withdrawn: AbortSignal,
    ringing: () => void,
  ): Promise<SessionAnswer>
  /** He has written to the number of his session. Messages of one guest are taken in their order. */
  heard(session: Uri, message: InboundMessage): Promise<void>
  /** A service reports what became of a message to him; false when his session is not here. */
  notified(session: Uri, notification: DispositionNotification): boolean
  count(): number
  stop(): Promise<void>
}

const MAX_GUESTS = 10_000
/** A record is known a little longer than its number is lent. */
const RECORD_AFTER_MS = 60_000

export function createGuests(options: GuestsOptions): Guests {
  const { services, policies, preferences, leases, records, mail, kept, clock, join, onError } = options
  const { linger, silence } = policies
  const live = new Map<Uri, Guest>()
  /** The last step of each guest, so that his messages do not overtake each other. */
  const turns = new Map<Uri, Promise<void>>()

  async function modeFor({ service }: Route, target: Uri): Promise<WithoutSessions> {
    const { sessions } = await preferences.of(target)
    if (sessions && policies.allowed.includes(sessions)) return sessions
    return service.config.sessions ?? policies.without
  }

  /** A number that stands for this session and nothing else towards him: the inviter's own, or one of the pool (`IW-04`). */
  async function lend({ service, to }: Route, { originator, privacy }: OutsideInvitation, session: Uri, until: number) {
    const own = privacy ? undefined : ownAddress(service, originator)
    const pool = privacy && options.privacy === 'refuse' ? undefined : service.config.addresses.pool
    for (const numbers of [own === undefined ? [] : [own], pool?.numbers ?? []]) {
      if (numbers.length === 0) continue
      const number = await leases.borrow(service.id, { numbers, lease: linger }, session, to, until)
      if (number !== undefined) return { number, own: number === own }
    }
    return undefined
  }

  function open(service: Service, record: GuestRecord): Guest {
    const guest = createGuest(
      {
        service,
        policies,
        mail,
        kept,
        pending: options.pending,
        clock,
        keep: (changed) => keep(changed, clock.now() + 2 * silence),
        async over(last) {
          live.delete(last.session)
          await end(last)
        },
        onError,
      },
      record,
    )
    live.set(record.session, guest)
    return guest
  }

  /** Record and number stay his until then, and some time after. */
  async function keep(record: GuestRecord, until: number): Promise<void> {
    const { service, number, session, address } = record
    await leases.borrow(service, { numbers: [number], lease: linger }, session, address, until)
    await records.put(record, until - clock.now() + linger + RECORD_AFTER_MS)
  }

  /** What he writes late is understood for a while; but where the number is the inviter's own, it is for the inviter. */
  async function end(record: GuestRecord): Promise<void> {
    const { service, number, session, address, own, group } = record
    await records.put({ ...record, phase: 'over' }, linger + RECORD_AFTER_MS)
    await leases.giveBack(service, number, session, address, own && !group ? 0 : linger)
  }

  async function begin(
    route: Route,
    invitation: OutsideInvitation,
    until: number,
  ): Promise<{ readonly guest: Guest; readonly record: GuestRecord } | undefined> {
    const { from, fromName, target, group, identities } = invitation
    const session = sessionUri(randomUUID())
    const lent = await lend(route, invitation, session, until)
    if (!lent) return undefined
    const record: GuestRecord = {
      session,
      node: options.node,
      service: route.service.id,
      ...lent,
      address: route.to,
      participant: target,
      language: languageOf(policies, route.to),
      inviter: group?.name ?? nameOf({ address: from, ...(fromName === undefined ? {} : { name: fromName }) }),
      ...(group && { group: { address: group.address, ...(group.name === undefined ? {} : { name: group.name }) } }),
      ...(identities.conversationId === undefined ? {} : { conversation: identities.conversationId }),
      phase: 'asked',
      told: false,
    }
    await keep(record, until)
    return { guest: open(route.service, record), record }
  }

  function late(record: GuestRecord, message: InboundMessage): Promise<void> {
    const meaning = understand(textOf(message.content), languagesFor(policies, record.language))
    return meaning === 'yes' && record.group ? rejoin(record, record.group) : tellOnce(record)
  }

  /** A late yes joins the session if it still runs. */
  async function rejoin(record: GuestRecord, group: NonNullable<GuestRecord['group']>): Promise<void> {
    const service = services.get(record.service)
    if (!service || !join) return tellOnce(record)
    const asked: GuestRecord = { ...record, node: options.node, phase: 'asked', told: false }
    await keep(asked, clock.now() + policies.wait)
    const guest = open(service, asked)
    const { participant: from, session, conversation } = record
    const expiresAt = clock.now() + policies.wait
    const invitation = {
      id: `${session}|${randomUUID()}`,
      service: service.id,
      from,
      to: group.address,
      ...(conversation === undefined ? {} : { conversationId: conversation }),
      expiresAt,
    }
    const answer = await join(invitation, guest.side, new AbortController().signal)
    if (answer.kind === 'accepted') await guest.admit(answer.side, fill(textsOf(policies, record.language), 'joined'))
    else await guest.dismiss('ended')
  }

  /** The session is over, or went down with the node: he hears so once. */
  async function tellOnce(record: GuestRecord): Promise<void> {
    if (record.told) return
    const texts = textsOf(policies, record.language)
    const { group, inviter, phase } = record
    const again = group && join ? fill(texts, 'again') : ''
    const name = phase === 'joined' ? 'interrupted' : group || phase === 'asked' ? 'withdrawn' : 'ended'
    await mail.send(record, { content: plainText(fill(texts, name, { inviter }) + again) })
    await end({ ...record, told: true })
  }

  async function hear(session: Uri, message: InboundMessage): Promise<void> {
    const guest = live.get(session)
    if (guest) return guest.heard(message)
    await sendLeftBehind(session)
    const record = await records.get(session)
    if (record) await late(record, message)
  }

  /** What a node had accepted for him and did not live to send; one that lives sends by itself. */
  async function sendLeftBehind(session: Uri): Promise<void> {
    const lines = await kept.get(session)
    if (lines.length === 0) return
    const record = await records.get(session)
    const lives = live.has(session) || (record && record.node !== options.node && (await options.isAlive(record.node)))
    if (lives) return kept.remind(session, clock.now() + policies.bundle.window + LEFT_BEHIND_AFTER_MS)
    if (record) await mail.send(record, { ...letterOf(session, lines), notes: [kept.note(session, [])] })
  }
  kept.onReminder(sendLeftBehind)

  return {
    async invite(route, invitation, ours, withdrawn, ringing) {
      const mode = await modeFor(route, invitation.target)
      if (mode === 'reject') {
        const reason = policies.rejectWith === 603 ? 'refused-by-recipient' : 'content-unsupported'
        return refused(reason, 'sessions are not wanted there')
      }
      if (live.size >= MAX_GUESTS) return refused('throttled', 'too many sessions')
      const until = Math.min(invitation.expiresAt, clock.now() + policies.wait)
      const begun = await begin(route, invitation, until)
      if (!begun) return refused('no-originator-address', `no free number in ${route.service.id}`)
      const { guest, record } = begun
      if (withdrawn.aborted) {
        await guest.dismiss(undefined)
        return refused('deleted', 'the invitation was withdrawn')
      }
      const texts = textsOf(policies, record.language)
      const values = invitationValues(texts, invitation, invitation.target)
      if (mode === 'accept') {
        await guest.admit(ours, fill(texts, 'welcome', values))
        return { kind: 'accepted', side: guest.side }
      }
      const named = invitation.group?.name !== undefined
      const text = fill(texts, named ? 'groupInvitation' : 'invitation', values)
      return guest.ask(ours, { text, until, withdrawn, ringing })
    },

    async heard(session, message) {
      const before = turns.get(session) ?? Promise.resolve()
      const turn = before.catch(() => undefined).then(() => hear(session, message))
      turns.set(session, turn)
      try {
        await turn
      } finally {
        if (turns.get(session) === turn) turns.delete(session)
      }
    },

    notified(session, notification) {
      live.get(session)?.notified(notification)
      return live.has(session)
    },

    count: () => live.size,

    async stop() {
      await Promise.all([...live.values()].map((guest) => guest.stop().catch(onError)))
    },
  }
}
