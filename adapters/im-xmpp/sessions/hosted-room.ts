import { randomUUID } from 'node:crypto'
import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { Participant, SessionSide } from '../../contract/index.js'
import type { ReadMessage } from '../mapping/from-message.js'
import { writeMessage } from '../mapping/to-message.js'
import type { Incoming } from '../receive.js'
import type { Component } from '../stream/component.js'
import { child, tag, textTag } from '../stream/element.js'
import { tellInOrder } from '../stream/in-order.js'
import { NS } from '../stream/names.js'
import { createOccupants, occupantItem } from './occupants.js'
import { chatState, composingOf, heard, type Leg, quietly, type SessionParts, sayTo, turnDown } from './parts.js'
import { steadyTyping } from './typing.js'

/** An XMPP user in a CPM group, which is a room to him (XEP-0045, RFC 7702 §5). */
export interface HostedLeg extends Leg {
  readonly nick: string
  /** The user's. */
  readonly address: Uri
  /** CPM has let him in: he learns who is there. */
  welcome(cpm: SessionSide): void
  /** Says once more who is there. */
  again(): void
  hear(incoming: Incoming, read: ReadMessage): Promise<void>
  /** He has left. */
  left(): void
  /** CPM does not let him in, which he is told by the presence returned to him. */
  refused(): void
}

interface HostedSettings {
  readonly component: Component
  /** Bare JID of the room. */
  readonly room: string
  /** Full JID of the user. */
  readonly user: string
  readonly address: Uri
  readonly nick: string
  readonly subject?: string
  over(): void
}

const here = { affiliation: 'member', role: 'participant' } as const
const gone = { affiliation: 'member', role: 'none' } as const
/** XEP-0045 §15.6: kicked, and removed because of trouble. */
const KICKED = 307
const TROUBLE = 333
const SELF = 110
const KICKS = new Set<FailureReason>(['sender-not-allowed', 'refused-by-recipient'])

export function createHostedLeg(settings: HostedSettings, parts: SessionParts): HostedLeg {
  const { component, room, user, address, nick, subject, over } = settings
  const { clock, log } = parts
  const occupants = createOccupants(nick)
  const self: Participant = { address, name: nick }
  let cpm: SessionSide | undefined
  const ending = new AbortController()
  const isOver = () => ending.signal.aborted

  const presenceOf = (who: string, type: 'unavailable' | undefined, item: string): string =>
    tag('presence', { type, from: `${room}/${who}`, to: user }, item)
  const presence = (who: string, type: 'unavailable' | undefined, item: string) =>
    void tellInOrder(component, presenceOf(who, type, item), clock)
  const arrival = (who: string) => presence(who, undefined, occupantItem(here))

  function drop(): boolean {
    if (isOver()) return false
    ending.abort()
    over()
    return true
  }

  function close(statuses: readonly number[]): boolean {
    if (!drop()) return false
    presence(nick, 'unavailable', occupantItem(gone, [...statuses, SELF]))
    return true
  }

  function end(reason?: FailureReason): void {
    if (close(reason === undefined ? [] : [TROUBLE]) && cpm) quietly(cpm.leave(reason), log)
  }

  /** All of it or nothing: a client that misses the end of it never is in the room. */
  function roster(): void {
    const others = [...occupants.nicks()].map((each) => presenceOf(each, undefined, occupantItem(here)))
    const self = presenceOf(nick, undefined, occupantItem(here, [SELF]))
    // XEP-0045 §7.1: the subject is the last thing that is said on entering; there is no history.
    const attributes = { type: 'groupchat', from: room, to: user, id: randomUUID() }
    const last = tag('message', attributes, textTag('subject', subject ?? ''))
    void tellInOrder(component, [...others, self, last].join(''), clock).then((taken) => {
      if (!taken) end('service-unavailable')
    })
  }

  /** Whoever speaks is there, and clients do not show words of somebody who is not. */
  function from(who: Participant): string {
    const known = occupants.nickOf(who)
    const name = known ?? occupants.add(who)
    if (name !== undefined && known === undefined && cpm !== undefined) arrival(name)
    return `${room}/${name ?? 'somebody'}`
  }

  return {
    component,
    ended: ending.signal,
    nick,
    address,
    end,
    side: steadyTyping(
      {
        async say(message) {
          if (isOver()) return { kind: 'refused', reason: 'recipient-unavailable', said: 'he has left the room' }
          const type = message.privateTo === undefined ? 'groupchat' : 'chat'
          const said = await sayTo(
            component,
            message,
            { from: from(message.from), to: user, type, reports: false },
            parts,
          )
          // Its client is gone without a word (XEP-0045 §18.5).
          if (said.kind === 'refused' && said.reason === 'recipient-unavailable') end('recipient-unavailable')
          return said
        },
        composing: (who, state) =>
          void component.tell(
            writeMessage({ id: randomUUID(), from: from(who), to: user, type: 'groupchat', more: chatState(state) }),
          ),
        // XEP-0184 §5.3: nobody asks for receipts in rooms.
        report() {},
        joined(who) {
          const name = occupants.add(who)
          if (name !== undefined && cpm !== undefined && !isOver()) arrival(name)
        },
        left(who) {
          const name = occupants.remove(who)
          if (name !== undefined && cpm !== undefined && !isOver()) presence(name, 'unavailable', occupantItem(gone))
        },
        async leave(reason) {
          close(reason === undefined ? [] : [KICKS.has(reason) ? KICKED : TROUBLE])
        },
      },
      clock,
    ),
    welcome(side) {
      cpm = steadyTyping(side, clock)
      roster()
    },
    again: roster,
    left: () => end(),
    refused: () => void drop(),
    async hear(incoming, read) {
      if (cpm === undefined) return void turnDown(incoming, 'sender-not-allowed')
      const composing = composingOf(read.chatState)
      if (read.text === undefined) {
        if (composing !== undefined) cpm.composing(self, composing)
        else if (child(incoming.stanza, 'subject', NS.component))
          turnDown(incoming, 'sender-not-allowed', 'the subject is not yours to change')
        return
      }
      const privately = read.type !== 'groupchat'
      const addressee = privately ? occupants.participant(incoming.to.resource ?? '') : undefined
      if (privately && addressee === undefined) return void turnDown(incoming, 'unknown-recipient')
      const message = {
        ...heard(incoming, read, read.text, self, clock),
        ...(addressee === undefined ? {} : { privateTo: addressee.address }),
      }
      const said = await cpm.say(message).catch(() => ({ kind: 'refused', reason: 'service-unavailable' }) as const)
      if (said.kind === 'refused') turnDown(incoming, said.reason)
      else if (!privately && !isOver()) {
        // XEP-0045 §7.4: what one says comes back to him under the id he gave it.
        component.tell(
          writeMessage({
            id: read.id ?? randomUUID(),
            from: `${room}/${nick}`,
            to: user,
            type: 'groupchat',
            body: read.text,
          }),
        )
      }
    },
  }
}
