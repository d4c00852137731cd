import { randomUUID } from 'node:crypto'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { SessionAnswer, SessionInvitation, SessionPort, SessionSide } from '../../contract/index.js'
import { cpmUri, jidOfUri, xmppUri } from '../mapping/address.js'
import type { ReadMessage } from '../mapping/from-message.js'
import { bareJid, type Jid, withoutResource } from '../mapping/jid.js'
import type { Incoming } from '../receive.js'
import type { Component } from '../stream/component.js'
import { attribute, child, tag } from '../stream/element.js'
import { NS } from '../stream/names.js'
import { type Chat, createChat } from './chat.js'
import { type RoomInvitation, readInvitation, writeDecline } from './invitations.js'
import { createJoinedLeg, type JoinedLeg } from './joined-room.js'
import { nameOf } from './occupants.js'
import { askCpm, quietly, type SessionParts } from './parts.js'
import { createHostedRooms } from './rooms.js'

/** Sessions of XMPP: chats of two, CPM groups as rooms, rooms of XMPP. */
export interface Sessions extends SessionPort {
  /** True when the message belonged to a session, or began one. */
  message(incoming: Incoming, read: ReadMessage): Promise<boolean>
  presence(incoming: Incoming): Promise<boolean>
  /** Whether a stanza comes from an occupant of a room of ours, or from a room that one of ours is in. */
  isOccupant(incoming: Incoming): boolean
  /** Name of a CPM group that users of XMPP are in. */
  roomName(group: Uri): string | undefined
  /** The connection of a component is lost, and with it what rooms know of us. */
  disconnected(component: Component): void
  close(): void
}

const refused = (
  reason: 'service-unavailable' | 'throttled' | 'no-originator-address' | 'address-invalid',
  said: string,
): SessionAnswer => ({
  kind: 'refused',
  reason,
  said,
})

export function createSessions(parts: SessionParts): Sessions {
  const { options, receiveInvitation, links, home, clock, metrics, log } = parts
  /** By JIDs of ours and theirs. */
  const chats = new Map<string, Chat>()
  /** By the JID of ours and the room. */
  const joined = new Map<string, JoinedLeg>()
  const full = () => chats.size + joined.size + hosted.count() >= options.roomLegs
  const hosted = createHostedRooms(parts, full, () => count())

  function count(): void {
    metrics.legs('chat', chats.size)
    metrics.legs('joined', joined.size)
    metrics.legs('hosted', hosted.count())
  }

  function openChat(component: Component, ours: string, theirs: string, address: Uri, thread: string): Chat {
    const key = `${ours} ${theirs}`
    chats.get(key)?.end()
    const chat = createChat(
      {
        component,
        ours,
        theirs,
        address,
        thread,
        over() {
          if (chats.get(key) === chat) chats.delete(key)
          count()
        },
      },
      parts,
    )
    chats.set(key, chat)
    count()
    return chat
  }

  function openJoined(component: Component, ours: string, room: string, user: Uri): JoinedLeg {
    const key = `${ours} ${room}`
    joined.get(key)?.end()
    const leg = createJoinedLeg(
      {
        component,
        room,
        ours,
        user,
        over() {
          if (joined.get(key) === leg) joined.delete(key)
          count()
        },
      },
      parts,
    )
    joined.set(key, leg)
    count()
    return leg
  }

  /** Whether a JID is a room: its service says so (XEP-0045 §6.4). */
  async function isRoom(component: Component, ours: string, jid: string): Promise<boolean | undefined> {
    const answer = await component.ask(jid, ours, 'get', tag('query', { xmlns: NS.discoInfo }))
    if (answer === undefined) return undefined
    const query = child(answer, 'query', NS.discoInfo)
    return (
      query?.children.some((each) => each.local === 'identity' && attribute(each, 'category') === 'conference') === true
    )
  }

  async function join(
    component: Component,
    ours: Jid,
    room: string,
    invitation: SessionInvitation,
    cpm: SessionSide,
    withdrawn: AbortSignal,
  ): Promise<SessionAnswer> {
    const leg = openJoined(component, bareJid(ours), room, invitation.from)
    const withdraw = () => void leg.side.leave()
    withdrawn.addEventListener('abort', withdraw, { once: true })
    const name = invitation.fromName
    const reason = await leg.join(cpm, nameOf({ address: invitation.from, ...(name === undefined ? {} : { name }) }))
    withdrawn.removeEventListener('abort', withdraw)
    return reason === undefined
      ? { kind: 'accepted', side: leg.side }
      : { kind: 'refused', reason, said: `the room: ${reason}` }
  }

  async function invite(
    invitation: SessionInvitation,
    cpm: SessionSide,
    withdrawn: AbortSignal,
  ): Promise<SessionAnswer> {
    const { to, from, group } = invitation
    const theirs = jidOfUri(to)
    const component = theirs && links.towards(theirs.domain)
    if (theirs === undefined || component === undefined) return refused('address-invalid', 'no XMPP address')
    if (component.capacity() === 0)
      return refused('service-unavailable', `no connection as ${component.options.domain}`)
    if (full()) return refused('throttled', 'too many sessions')
    const target = bareJid(theirs)
    if (group !== undefined && group.address !== to) {
      return hosted.invite({ component, user: target }, { ...invitation, group }, cpm, withdrawn)
    }
    const ours = links.ourJid(from, component)
    if (ours === undefined) return refused('no-originator-address', 'originator is no XMPP address')
    const room = await isRoom(component, bareJid(ours), target)
    if (withdrawn.aborted) return { kind: 'refused', reason: 'deleted', said: 'the invitation was taken back' }
    if (room === undefined) return { kind: 'refused', reason: 'timeout', said: 'no answer from XMPP' }
    if (room) return join(component, ours, target, invitation, cpm, withdrawn)
    // RFC 7573 §4: XMPP knows no invitation to a chat; what is said begins it.
    const chat = openChat(component, bareJid(ours), target, to, invitation.conversationId ?? randomUUID())
    chat.attach(cpm)
    return { kind: 'accepted', side: chat.side }
  }

  /** An XMPP user invites a CPM user to a room: he is asked, and enters when he wants to. */
  function invited(incoming: Incoming, invitation: RoomInvitation): void {
    const { component, to } = incoming
    const user = to.local === undefined ? undefined : cpmUri(to.local, home)
    const [room, inviter] = [xmppUri(invitation.room), xmppUri(invitation.inviter)]
    if (receiveInvitation === undefined || user === undefined || room === undefined || inviter === undefined) return
    // Who is there, or is being asked, is not asked by everybody who names the room.
    if (full() || joined.has(`${bareJid(to)} ${bareJid(invitation.room)}`)) return
    const leg = openJoined(component, bareJid(to), bareJid(invitation.room), user)
    const request: SessionInvitation = {
      id: randomUUID(),
      from: inviter,
      to: user,
      group: { address: room, participants: [{ address: inviter }] },
      expiresAt: clock.now() + options.invite,
      ...(invitation.reason === undefined ? {} : { subject: invitation.reason }),
    }
    const enter = async (answer: SessionAnswer | undefined): Promise<void> => {
      if (answer === undefined) return
      if (answer.kind === 'refused') {
        leg.end(answer.reason)
        if (invitation.mediated) component.tell(writeDecline(bareJid(to), invitation))
        return
      }
      const reason = await leg.join(answer.side, nameOf({ address: user }))
      if (reason !== undefined) await answer.side.leave(reason)
    }
    const asked = askCpm(receiveInvitation, request, leg).then(enter, (error: unknown) => {
      leg.end('service-unavailable')
      throw error
    })
    quietly(asked, log)
  }

  /** An XMPP user begins a chat, which is a CPM session by policy. */
  function begin({ component, from, to }: Incoming, read: ReadMessage): Chat | undefined {
    const address = xmppUri(withoutResource(from))
    const user = to.local === undefined ? undefined : cpmUri(to.local, home)
    if (receiveInvitation === undefined || address === undefined || user === undefined || full()) return undefined
    const chat = openChat(component, bareJid(to), bareJid(from), address, read.thread ?? randomUUID())
    const invitation: SessionInvitation = {
      id: randomUUID(),
      from: address,
      to: user,
      expiresAt: clock.now() + options.invite,
      ...(read.subject === undefined ? {} : { subject: read.subject }),
    }
    const asked = askCpm(receiveInvitation, invitation, chat).then(
      (answer) => {
        if (answer?.kind === 'accepted') chat.attach(answer.side)
        else if (answer) chat.refused(answer.reason)
      },
      (error: unknown) => {
        chat.refused('service-unavailable')
        throw error
      },
    )
    quietly(asked, log)
    return chat
  }

  const legs = () => [...chats.values(), ...joined.values(), ...hosted.legs()]

  return {
    invite,
    async message(incoming, read) {
      const { from, to } = incoming
      const pair = `${bareJid(to)} ${bareJid(from)}`
      if (await joined.get(pair)?.hear(incoming, read)) return true
      if (await hosted.message(incoming, read)) return true
      if (read.type === 'groupchat') return false
      const invitation = read.type === 'error' ? undefined : readInvitation(incoming.stanza, from)
      if (invitation !== undefined) {
        invited(incoming, invitation)
        return true
      }
      const begins = read.type === 'chat' && read.text !== undefined && options.chats === 'sessions'
      const chat = chats.get(pair) ?? (begins ? begin(incoming, read) : undefined)
      return chat === undefined ? false : chat.hear(incoming, read)
    },
    async presence(incoming) {
      const room = joined.get(`${bareJid(incoming.to)} ${bareJid(incoming.from)}`)
      return room?.presence(incoming) || hosted.presence(incoming)
    },
    isOccupant: (incoming) =>
      joined.has(`${bareJid(incoming.to)} ${bareJid(incoming.from)}`) || hosted.isOccupant(incoming),
    roomName: (group) => hosted.name(group),
    disconnected(component) {
      for (const leg of legs()) if (leg.component === component) leg.end('service-unavailable')
    },
    close() {
      for (const leg of legs()) leg.end('service-unavailable')
    },
  }
}
