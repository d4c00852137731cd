import { randomUUID } from 'node:crypto'
import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { SessionAnswer, SessionInvitation, SessionSide } from '../../contract/index.js'
import { cpmUri, jidOfUri, xmppUri } from '../mapping/address.js'
import { errorFor, errorReply } from '../mapping/errors.js'
import type { ReadMessage } from '../mapping/from-message.js'
import { bareJid, fullJid, withoutResource } from '../mapping/jid.js'
import { isPlainNickname, nicknameKey } from '../mapping/nickname.js'
import type { Incoming } from '../receive.js'
import type { Component } from '../stream/component.js'
import { attribute, child } from '../stream/element.js'
import { NS } from '../stream/names.js'
import { createHostedLeg, type HostedLeg } from './hosted-room.js'
import { isDecline, writeInvitation } from './invitations.js'
import { nameOf } from './occupants.js'
import { askCpm, quietly, type SessionParts, turnDown } from './parts.js'

/** CPM groups as rooms to XMPP users: the component answers as the room service. */
export interface HostedRooms {
  /** Invites an XMPP user in the name of a CPM group; resolves when he comes or declines. */
  invite(
    target: { readonly component: Component; readonly user: string },
    invitation: SessionInvitation & Required<Pick<SessionInvitation, 'group'>>,
    cpm: SessionSide,
    withdrawn: AbortSignal,
  ): Promise<SessionAnswer>
  /** Presence of a user for a room; false when it is none. */
  presence(incoming: Incoming): Promise<boolean>
  message(incoming: Incoming, read: ReadMessage): Promise<boolean>
  /** Whether he is in the room under the nickname he writes to. */
  isOccupant({ from, to }: Incoming): boolean
  /** Name of a group that somebody is in. */
  name(group: Uri): string | undefined
  legs(): Iterable<HostedLeg>
  count(): number
}

/** An invitation of CPM that an XMPP user has not answered. */
interface Invited {
  readonly invitation: SessionInvitation
  readonly cpm: SessionSide
  readonly answer: (answer: SessionAnswer) => void
}

/** XEP-0045 §7.2.6 */
const MEMBERS_ONLY = { condition: 'registration-required', type: 'auth' } as const

const declined = (
  reason: 'refused-by-recipient' | 'timeout' | 'deleted' | 'service-unavailable',
  said: string,
): SessionAnswer => ({
  kind: 'refused',
  reason,
  said,
})

export function createHostedRooms(parts: SessionParts, full: () => boolean, changed: () => void): HostedRooms {
  const { receiveInvitation, links, home, options, clock, log } = parts
  /** By room and full JID of the user. */
  const legs = new Map<string, HostedLeg>()
  const names = new Map<Uri, { name: string; legs: number }>()
  /** By room and bare JID of the user. */
  const invited = new Map<string, Invited>()

  function enter(
    incoming: Incoming,
    room: string,
    group: Uri,
    nick: string,
    subject: string | undefined,
  ): HostedLeg | undefined {
    const { component, from } = incoming
    const address = xmppUri(withoutResource(from))
    if (address === undefined) return undefined
    const key = `${room} ${fullJid(from)}`
    const known = names.get(group) ?? { name: nameOf({ address: group }), legs: 0 }
    names.set(group, known)
    known.legs += 1
    const leg = createHostedLeg(
      {
        component,
        room,
        user: fullJid(from),
        address,
        nick,
        ...(subject === undefined ? {} : { subject }),
        over() {
          legs.delete(key)
          known.legs -= 1
          if (known.legs === 0) names.delete(group)
          changed()
        },
      },
      parts,
    )
    legs.set(key, leg)
    changed()
    return leg
  }

  /** Whether somebody else of XMPP has the nickname in this room. */
  const isTaken = (room: string, nick: string, user: string): boolean =>
    [...legs].some(
      ([key, leg]) =>
        key.startsWith(`${room} `) &&
        nicknameKey(leg.nick) === nicknameKey(nick) &&
        !key.startsWith(`${room} ${user}/`),
    )

  const refuse = ({ component, stanza }: Incoming, condition: string, type: 'cancel' | 'modify' | 'auth' | 'wait') =>
    component.tell(errorReply(stanza, { condition, type }))

  function arrive(incoming: Incoming, room: string, group: Uri, nick: string): void {
    const { component, stanza, from } = incoming
    const user = bareJid(from)
    if (!isPlainNickname(nick)) return void refuse(incoming, 'not-acceptable', 'modify')
    if (isTaken(room, nick, user)) return void refuse(incoming, 'conflict', 'cancel')
    if (full()) return void refuse(incoming, 'resource-constraint', 'wait')
    const waiting = invited.get(`${room} ${user}`)
    const leg = enter(incoming, room, group, nick, waiting?.invitation.subject)
    if (leg === undefined) return void refuse(incoming, 'jid-malformed', 'modify')
    if (waiting !== undefined) {
      waiting.cpm.joined({ address: leg.address, name: nick })
      waiting.answer({ kind: 'accepted', side: leg.side })
      for (const participant of waiting.invitation.group?.participants ?? []) leg.side.joined(participant)
      leg.welcome(waiting.cpm)
      return
    }
    if (receiveInvitation === undefined) {
      leg.refused()
      return void refuse(incoming, 'service-unavailable', 'cancel')
    }
    const invitation = {
      id: randomUUID(),
      from: leg.address,
      fromName: nick,
      to: group,
      group: { address: group, participants: [] },
      expiresAt: clock.now() + options.invite,
    }
    const turnedAway = (reason: FailureReason) => {
      leg.refused()
      component.tell(errorReply(stanza, reason === 'sender-not-allowed' ? MEMBERS_ONLY : errorFor(reason)))
    }
    const asked = askCpm(receiveInvitation, invitation, leg).then(
      (answer) => {
        if (answer?.kind === 'accepted') leg.welcome(answer.side)
        else if (answer) turnedAway(answer.reason)
      },
      (error: unknown) => {
        turnedAway('service-unavailable')
        throw error
      },
    )
    quietly(asked, log)
  }

  return {
    invite({ component, user }, invitation, cpm, withdrawn) {
      const { group } = invitation
      const room = links.ourJid(group.address, component)
      // The one who begins a session of his group may be of XMPP himself.
      const inviter = links.ourJid(invitation.from, component) ?? jidOfUri(invitation.from)
      if (room === undefined || inviter === undefined) {
        return Promise.resolve({
          kind: 'refused',
          reason: 'no-originator-address',
          said: 'the group has no XMPP address',
        })
      }
      const key = `${bareJid(room)} ${user}`
      if (full()) return Promise.resolve({ kind: 'refused', reason: 'throttled', said: 'too many sessions' })
      return new Promise((resolve) => {
        const answer = (given: SessionAnswer) => {
          invited.delete(key)
          cancel()
          withdrawn.removeEventListener('abort', withdraw)
          resolve(given)
        }
        const withdraw = () => answer(declined('deleted', 'the invitation was taken back'))
        const life = Math.min(options.invite, Math.max(0, invitation.expiresAt - clock.now()))
        const cancel = clock.after(life, () => answer(declined('timeout', 'he has not answered')))
        withdrawn.addEventListener('abort', withdraw, { once: true })
        invited.get(key)?.answer(declined('deleted', 'invited anew'))
        invited.set(key, { invitation, cpm, answer })
        const told = component.tell(
          writeInvitation(bareJid(room), bareJid(inviter), user, invitation.subject ?? group.name),
        )
        if (!told) answer(declined('service-unavailable', 'no connection'))
      })
    },

    async presence(incoming) {
      const { stanza, from, to } = incoming
      const room = bareJid(to)
      const leg = legs.get(`${room} ${fullJid(from)}`)
      const type = attribute(stanza, 'type')
      if (leg !== undefined && (type === 'unavailable' || type === 'error')) {
        leg.left()
        return true
      }
      const enters = type === undefined && child(stanza, 'x', NS.muc) !== undefined
      if (leg !== undefined && type === undefined && to.resource !== undefined) {
        if (to.resource !== leg.nick) refuse(incoming, 'not-acceptable', 'modify')
        else if (enters) leg.again()
        return true
      }
      if (!enters) return false
      const group = to.local === undefined ? undefined : cpmUri(to.local, home)
      if (to.resource === undefined || group === undefined) refuse(incoming, 'jid-malformed', 'modify')
      else arrive(incoming, room, group, to.resource)
      return true
    },

    async message(incoming, read) {
      const { stanza, from, to } = incoming
      const room = bareJid(to)
      const waiting = invited.get(`${room} ${bareJid(from)}`)
      if (waiting !== undefined && isDecline(stanza)) {
        waiting.answer(declined('refused-by-recipient', 'declined'))
        return true
      }
      const leg = legs.get(`${room} ${fullJid(from)}`)
      if (leg === undefined) return false
      if (read.type === 'error') leg.left()
      else if (child(stanza, 'x', NS.mucUser))
        turnDown(incoming, 'sender-not-allowed', 'members of the group are chosen in CPM')
      else await leg.hear(incoming, read)
      return true
    },

    isOccupant: ({ from, to }) => legs.get(`${bareJid(to)} ${fullJid(from)}`)?.nick === to.resource,
    name: (group) => names.get(group)?.name,
    legs: () => legs.values(),
    count: () => legs.size + invited.size,
  }
}
