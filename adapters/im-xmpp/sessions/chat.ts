import { randomUUID } from 'node:crypto'
import type { FailureReason } from '../../../gateway/cpm/failure.js'
import type { MessageId, Uri } from '../../../gateway/cpm/ids.js'
import type { SessionSide } from '../../contract/index.js'
import type { ReadMessage } from '../mapping/from-message.js'
import { stanzaId, writeMessage } from '../mapping/to-message.js'
import type { Incoming } from '../receive.js'
import type { Component } from '../stream/component.js'
import { tag } from '../stream/element.js'
import { NS } from '../stream/names.js'
import {
  chatState,
  composingOf,
  createNames,
  heard,
  type Leg,
  quietly,
  type SessionParts,
  sayTo,
  turnDown,
} from './parts.js'
import { steadyTyping } from './typing.js'

/** A chat of two as a CPM session (RFC 7573). */
export interface Chat extends Leg {
  /** CPM has accepted: what the user has written meanwhile goes there. */
  attach(cpm: SessionSide): void
  /** CPM has refused; where there are no sessions, what he has said are messages. */
  refused(reason: FailureReason): void
  /** A stanza of the user; true when it belonged here. */
  hear(incoming: Incoming, read: ReadMessage): Promise<boolean>
}

interface ChatSettings {
  readonly component: Component
  readonly ours: string
  /** Bare JID; answers go to the device that spoke last (RFC 6121 §5.1). */
  readonly theirs: string
  readonly address: Uri
  readonly thread: string
  over(): void
}

/** Messages that wait for the answer to an invitation. */
const WAITING = 20

export function createChat(settings: ChatSettings, parts: SessionParts): Chat {
  const { component, ours, theirs, address, thread, over } = settings
  const { options, clock, log } = parts
  const sent = createNames<MessageId>()
  const ending = new AbortController()
  const received = createNames<{ readonly id: string; readonly to: string }>()
  let cpm: SessionSide | undefined
  let waiting: { readonly incoming: Incoming; readonly read: ReadMessage; readonly text: string }[] = []
  let device = theirs
  let cancelIdle = () => {}

  const note = (more: string, to = device) =>
    component.tell(writeMessage({ id: randomUUID(), from: ours, to, type: 'chat', thread, more }))

  function stir(): void {
    cancelIdle()
    cancelIdle = clock.after(options.idle, () => {
      note(chatState('gone'))
      end('timeout')
    })
  }

  function close(): boolean {
    if (ending.signal.aborted) return false
    ending.abort()
    cancelIdle()
    over()
    return true
  }

  function end(reason?: FailureReason): void {
    if (close() && cpm) quietly(cpm.leave(reason), log)
  }

  async function pass(incoming: Incoming, read: ReadMessage, text: string): Promise<void> {
    if (cpm === undefined) {
      if (waiting.length >= WAITING) turnDown(incoming, 'throttled')
      else waiting.push({ incoming, read, text })
      return
    }
    const message = heard(incoming, read, text, { address }, clock)
    if (read.id !== undefined) received.put(message.messageId, { id: read.id, to: device })
    const said = await cpm.say(message).catch(() => ({ kind: 'refused', reason: 'service-unavailable' }) as const)
    if (said.kind === 'refused') turnDown(incoming, said.reason)
  }

  stir()
  return {
    component,
    ended: ending.signal,
    end,
    side: steadyTyping(
      {
        async say(message) {
          if (ending.signal.aborted)
            return { kind: 'refused', reason: 'recipient-unavailable', said: 'the chat is over' }
          stir()
          sent.put(stanzaId(message.messageId), message.messageId)
          return sayTo(component, message, { from: ours, to: device, type: 'chat', thread, reports: true }, parts)
        },
        composing: (_, state) => void note(chatState(state)),
        report(messageId, _, state) {
          const about = received.get(messageId)
          if (about === undefined || state === 'failed') return
          const [name, xmlns] = state === 'delivered' ? ['received', NS.receipts] : ['displayed', NS.markers]
          note(tag(name, { xmlns, id: about.id }), about.to)
        },
        joined() {},
        left() {},
        async leave() {
          if (close()) note(chatState('gone'))
        },
      },
      clock,
    ),
    attach(side) {
      cpm = steadyTyping(side, clock)
      const early = waiting
      waiting = []
      for (const { incoming, read, text } of early) quietly(pass(incoming, read, text), log)
    },
    refused(reason) {
      close()
      for (const { incoming, read, text } of waiting) {
        if (reason === 'service-unsupported') quietly(parts.asMessage(incoming, read, text), log)
        else turnDown(incoming, reason)
      }
      waiting = []
    },
    async hear(incoming, read) {
      const about = read.type === 'error' ? read.id : (read.displayed ?? read.received)
      const messageId = about === undefined ? undefined : sent.get(about)
      // What comes back as an error says nothing of his own.
      const isAstray = read.type === 'error' || (about !== undefined && read.text === undefined)
      if (messageId === undefined && isAstray) return false
      stir()
      if (messageId !== undefined) {
        cpm?.report(
          messageId,
          { address },
          read.type === 'error' ? 'failed' : read.displayed === undefined ? 'delivered' : 'displayed',
        )
        if (read.type === 'error') return true
      }
      if (incoming.from.resource !== undefined) device = `${theirs}/${incoming.from.resource}`
      if (read.text !== undefined) await pass(incoming, read, read.text)
      else if (read.chatState === 'gone') end()
      else {
        const composing = composingOf(read.chatState)
        if (composing !== undefined) cpm?.composing({ address }, composing)
      }
      return true
    },
  }
}
