import { randomUUID } from 'node:crypto'
import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import type { XmlElement } from '../../../gateway/cpm/xml.js'
import type { Participant, SessionSide } from '../../contract/index.js'
import { xmppUri } from '../mapping/address.js'
import { readError } from '../mapping/errors.js'
import type { ReadMessage } from '../mapping/from-message.js'
import { bareJid, parseJid } from '../mapping/jid.js'
import { writeMessage } from '../mapping/to-message.js'
import type { Incoming } from '../receive.js'
import type { Component } from '../stream/component.js'
import { attribute, child, tag } from '../stream/element.js'
import { NS } from '../stream/names.js'
import { nameOf } from './occupants.js'
import { chatState, composingOf, heard, type Leg, quietly, type SessionParts, sayTo, turnDown } from './parts.js'
import { steadyTyping } from './typing.js'

/** A CPM user in a room of XMPP (RFC 7702 §6). */
export interface JoinedLeg extends Leg {
  /** Enters; resolves with the reason when the room does not let him in. `cpm` hears from now on. */
  join(cpm: SessionSide, nick: string): Promise<FailureReason | undefined>
  /** False before it is to enter: an invitation alone makes no room of somebody. */
  presence(incoming: Incoming): boolean
  /** False when it is not in the room. */
  hear(incoming: Incoming, read: ReadMessage): Promise<boolean>
}

interface JoinedSettings {
  readonly component: Component
  /** Bare JID of the room. */
  readonly room: string
  /** Bare JID of our user. */
  readonly ours: string
  readonly user: Uri
  over(): void
}

/** Resource under which our users are in rooms. */
const RESOURCE = 'cpm'
/** Nicknames tried. */
const NICKS = 4
const SELF = '110'
/** Banned, put out, no longer a member, or the room has members only now (XEP-0045 §15.6). */
const PUT_OUT: ReadonlySet<string> = new Set(['301', '307', '321', '322'])

/** What a room says to somebody who is not in it, or when there is none (any more). */
const NOT_THERE = ['not-acceptable', 'item-not-found', 'gone'] as const

const codesOf = (x: XmlElement | undefined): readonly string[] =>
  x?.children.flatMap((each) => (each.local === 'status' ? (attribute(each, 'code') ?? []) : [])) ?? []

/** Whether a room says it again: others delay what they say, too (XEP-0045 §7.2.13). */
const isHistory = ({ children }: XmlElement, room: string): boolean =>
  children.some((each) => {
    const by = each.local === 'delay' && each.uri === NS.delay ? parseJid(attribute(each, 'from') ?? '') : undefined
    return by !== undefined && bareJid(by) === room
  })

/** Why the room does not have us any more. */
function reasonOf(x: XmlElement | undefined): FailureReason {
  if (x && child(x, 'destroy', NS.mucUser)) return 'recipient-gone'
  return codesOf(x).some((code) => PUT_OUT.has(code)) ? 'sender-not-allowed' : 'service-unavailable'
}

export function createJoinedLeg({ component, room, ours, user, over }: JoinedSettings, parts: SessionParts): JoinedLeg {
  const { clock, log, options } = parts
  const us = `${ours}/${RESOURCE}`
  let cpm: SessionSide | undefined
  let nick = ''
  let tries = 0
  let inside = false
  const ending = new AbortController()
  let settle: (reason: FailureReason | undefined) => void = () => {}
  /** Undefined when it is in the room, else why not. */
  const entry = new Promise<FailureReason | undefined>((resolve) => {
    settle = resolve
  })

  const occupant = (resource: string): Participant | undefined => {
    const jid = parseJid(`${room}/${resource}`)
    const address = jid && xmppUri(jid)
    return address && { address, name: nameOf({ address, name: resource }) }
  }

  const enter = () =>
    component.tell(
      tag(
        'presence',
        { from: us, to: `${room}/${nick}` },
        tag('x', { xmlns: NS.muc }, tag('history', { maxstanzas: '0' })),
      ),
    )

  function close(): boolean {
    if (ending.signal.aborted) return false
    ending.abort()
    over()
    return true
  }

  function end(reason?: FailureReason): void {
    const was = inside
    if (!close()) return
    settle(reason ?? 'recipient-unavailable')
    if (was && cpm) quietly(cpm.leave(reason), log)
  }

  /** Also where the room has not answered (yet): it may have let us in. */
  function depart(reason: FailureReason): void {
    if (!close()) return
    if (nick !== '') component.tell(tag('presence', { type: 'unavailable', from: us, to: `${room}/${nick}` }))
    settle(reason)
  }

  function refused({ stanza }: Incoming): void {
    const { reason } = readError(stanza)
    const conflict = stanza.children.some((each) => each.local === 'error' && child(each, 'conflict', NS.stanzaErrors))
    if (conflict && tries < NICKS && !inside) {
      tries += 1
      nick = `${nick.replace(/ \(\d\)$/, '')} (${tries})`
      enter()
    } else end(reason)
  }

  /** A room that began anew knows nothing of us (XEP-0410 §3). */
  function returned(error: XmlElement): void {
    const about = child(error, 'error')
    if (attribute(error, 'from') === room && NOT_THERE.some((each) => about && child(about, each, NS.stanzaErrors)))
      end('service-unavailable')
  }

  const sayable = (privateTo: Uri | undefined): string | undefined => {
    if (privateTo === undefined) return room
    const start = `xmpp:${room}/`
    return privateTo.startsWith(start) ? `${room}/${decodeURIComponent(privateTo.slice(start.length))}` : undefined
  }

  /** Presence of the room: ours, or that of somebody else in it. */
  function about(incoming: Incoming): void {
    const { stanza, from } = incoming
    const type = attribute(stanza, 'type')
    if (type === 'error') return void refused(incoming)
    const who = from.resource
    const x = child(stanza, 'x', NS.mucUser)
    const self = codesOf(x).includes(SELF) || who === nick
    if (who === undefined) return
    if (self) {
      if (type === 'unavailable') end(inside ? reasonOf(x) : 'refused-by-recipient')
      else {
        // The room may have given another name (XEP-0045 §7.2.3, status 210).
        nick = who
        inside = true
        settle(undefined)
      }
      return
    }
    const participant = occupant(who)
    if (participant === undefined) return
    if (type === 'unavailable') cpm?.left(participant)
    else if (type === undefined) cpm?.joined(participant)
  }

  async function spoken(incoming: Incoming, read: ReadMessage): Promise<void> {
    const { stanza, from } = incoming
    const who = from.resource
    // Our own words, and what was said before us.
    if (cpm === undefined || who === undefined || who === nick || isHistory(stanza, room)) return
    const participant = occupant(who)
    if (participant === undefined) return
    if (read.text === undefined) {
      const composing = composingOf(read.chatState)
      if (composing !== undefined) cpm.composing(participant, composing)
      return
    }
    const message = {
      ...heard(incoming, read, read.text, participant, clock),
      ...(read.type === 'groupchat' ? {} : { privateTo: user }),
    }
    const said = await cpm.say(message).catch(() => ({ kind: 'refused', reason: 'service-unavailable' }) as const)
    // A room is not told: it would put him out.
    if (said.kind === 'refused' && read.type !== 'groupchat') turnDown(incoming, said.reason)
  }

  return {
    component,
    ended: ending.signal,
    end,
    side: steadyTyping(
      {
        async say(message) {
          // The other side may speak as soon as it has accepted.
          await entry
          if (ending.signal.aborted)
            return { kind: 'refused', reason: 'recipient-unavailable', said: 'not in the room' }
          const to = sayable(message.privateTo)
          if (to === undefined) return { kind: 'refused', reason: 'unknown-recipient', said: 'nobody of that name' }
          const type = message.privateTo === undefined ? 'groupchat' : 'chat'
          return sayTo(component, message, { from: us, to, type, reports: false }, parts, returned)
        },
        composing: (_, state) =>
          void component.tell(
            writeMessage({ id: randomUUID(), from: us, to: room, type: 'groupchat', more: chatState(state) }),
          ),
        report() {},
        // Each user of CPM is in the room by himself.
        joined() {},
        left() {},
        async leave() {
          depart('deleted')
        },
      },
      clock,
    ),
    join(side, wanted) {
      cpm = steadyTyping(side, clock)
      nick = wanted
      tries = 1
      const cancel = clock.after(options.invite, () => depart('timeout'))
      void entry.then(cancel)
      if (!enter()) end('service-unavailable')
      return entry
    },
    presence(incoming) {
      if (nick === '') return false
      about(incoming)
      return true
    },
    async hear(incoming, read) {
      if (!inside) return false
      if (read.type === 'error') returned(incoming.stanza)
      else await spoken(incoming, read)
      return true
    },
  }
}
