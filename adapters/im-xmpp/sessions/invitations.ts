import { randomUUID } from 'node:crypto'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import { bareJid, fullJid, type Jid, parseJid, withoutResource } from '../mapping/jid.js'
import { attribute, child, childText, tag, textTag } from '../stream/element.js'
import { NS } from '../stream/names.js'

/** Invitations to rooms: mediated by the room (XEP-0045 §7.8) and direct (XEP-0249). */

export interface RoomInvitation {
  readonly room: Jid
  readonly inviter: Jid
  readonly reason?: string
  /** The room passes a refusal on. */
  readonly mediated: boolean
}

const REASON = 500

/** Reads an invitation; undefined when the message is none. */
export function readInvitation(message: XmlElement, from: Jid): RoomInvitation | undefined {
  const muc = child(message, 'x', NS.mucUser)
  const invite = muc && child(muc, 'invite', NS.mucUser)
  if (invite !== undefined) {
    const inviter = parseJid(attribute(invite, 'from') ?? '')
    const reason = childText(invite, 'reason', NS.mucUser)?.slice(0, REASON)
    if (inviter === undefined) return undefined
    // A room that does not say who its occupants are names the one who invites by his nickname.
    const known = bareJid(inviter) === bareJid(from) ? inviter : withoutResource(inviter)
    return { room: withoutResource(from), inviter: known, mediated: true, ...(reason ? { reason } : {}) }
  }
  const direct = child(message, 'x', NS.conference)
  const room = direct && parseJid(attribute(direct, 'jid') ?? '')
  if (direct === undefined || room === undefined || room.local === undefined) return undefined
  const reason = attribute(direct, 'reason')?.slice(0, REASON)
  return { room: withoutResource(room), inviter: withoutResource(from), mediated: false, ...(reason ? { reason } : {}) }
}

/** Whether a message to a room of ours declines its invitation. */
export function isDecline(message: XmlElement): boolean {
  const muc = child(message, 'x', NS.mucUser)
  return muc !== undefined && child(muc, 'decline', NS.mucUser) !== undefined
}

/** The stanza by which a room of ours invites; clients of either kind understand it. */
export const writeInvitation = (room: string, inviter: string, to: string, reason: string | undefined): string =>
  tag(
    'message',
    { from: room, to, id: randomUUID() },
    tag(
      'x',
      { xmlns: NS.mucUser },
      tag('invite', { from: inviter }, reason === undefined ? '' : textTag('reason', reason)),
    ),
    tag('x', { xmlns: NS.conference, jid: room, reason }),
  )

export const writeDecline = (ours: string, { room, inviter }: RoomInvitation): string =>
  tag(
    'message',
    { from: ours, to: bareJid(room), id: randomUUID() },
    tag('x', { xmlns: NS.mucUser }, tag('decline', { to: fullJid(inviter) })),
  )
