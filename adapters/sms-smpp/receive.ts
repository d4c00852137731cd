import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import type { Clock } from '../../gateway/cpm/clock.js'
import { stableId } from '../../gateway/cpm/identity.js'
import type { GatewayPort, InboundMessage, ReceiveOutcome, SharedStore } from '../contract/index.js'
import type { Incoming, Respond } from './bind/intake.js'
import { createLedger } from './bind/ledger.js'
import { createRepeats } from './bind/repeats.js'
import type { SessionEnd } from './bind/session.js'
import { idWithOrigin } from './mapping/delivery-ack.js'
import { type Envelope, fromSms, REFUSED } from './mapping/from-sms.js'
import { joinParts } from './mapping/join.js'
import {
  type AddResult,
  type Assembled,
  addPart,
  DEFAULT_BOUNDS,
  finish,
  type Part,
  type ReassemblyState,
  shardOf,
  timedOut,
} from './mapping/reassembly.js'
import { saidIncoming } from './mapping/said.js'
import type { SmsMetrics } from './metrics.js'
import type { Account } from './profile.js'

const ROK = 0x00
const RX_T_APPN = 0x64
const SHORTEST_MEMORY_MS = 1000
/** Parts are acknowledged: they must outlive a time in which no node runs to notice that they are overdue. */
const PARTS_LIFE_MS = 86_400_000

/** Kept with the parts of a message: `nonce` makes its id, the same however often it is handed on. */
interface About extends Envelope {
  readonly nonce: string
}
type State = ReassemblyState<About>

export interface ReceiverParts {
  readonly account: Account
  readonly domain: string
  readonly clock: Clock
  readonly store: SharedStore
  readonly gateway: GatewayPort
  readonly metrics: SmsMetrics
  readonly log: Logger
}

/** What comes from the centre over any link of one account. */
export interface Receiver {
  incoming(pdu: Incoming, respond: Respond, sessionId: string): void
  bound(sessionId: string): void
  ended(sessionId: string, end: SessionEnd): void
  /** Time is over for parts under this key; undefined when the key is not ours. */
  wake(key: string): Promise<void> | undefined
  stop(): void
}

export function createReceiver(parts: ReceiverParts): Receiver {
  const { account, domain, clock, store, gateway, metrics, log } = parts
  const { name } = account
  const ledger = createLedger(name, account.duplicateWindow, store, clock, (error) =>
    log.warn({ err: error, account: name }, 'sessions of the account could not be stored'),
  )
  const repeats = createRepeats(name, account.duplicateWindow, clock)
  const prefix = `parts/${name}/`
  const bounds = { ...DEFAULT_BOUNDS, timeoutMs: account.reassemblyTimeout }
  const stateLifeMs = bounds.timeoutMs + PARTS_LIFE_MS

  /** What we answer to what the gateway said (SMPP 3.4 §5.1.3); after 0x64 the centre tries again. */
  const statusOf = (outcome: ReceiveOutcome): number => {
    switch (outcome.kind) {
      case 'stored':
      case 'duplicate':
        return ROK
      case 'unavailable':
        return RX_T_APPN
      case 'refused': {
        const unknown = outcome.reason === 'unknown-recipient' || outcome.reason === 'recipient-gone'
        return unknown ? account.unknownRecipient : REFUSED
      }
    }
  }

  /** Whatever fails on our side is no reason to lose the message: the centre is asked to come again. */
  const notStored = (respond: Respond) => (error: unknown) => {
    log.warn({ err: error, account: name }, 'an incoming message or receipt could not be stored')
    respond(RX_T_APPN)
  }

  const messageOf = (
    envelope: Envelope,
    text: string,
    id: string,
    rememberMs: number,
    said: string,
  ): InboundMessage => ({
    id: idWithOrigin(id, envelope.origin),
    rememberMs: Math.max(SHORTEST_MEMORY_MS, rememberMs),
    from: envelope.from,
    replyable: envelope.replyable,
    to: envelope.to,
    content: { type: 'text/plain;charset=UTF-8', text },
    ...(envelope.urgent ? { priority: 'urgent' as const } : {}),
    wantsReport: envelope.origin !== undefined,
    said,
  })

  const takeText = async (pdu: Incoming, envelope: Envelope, text: string, content: string, sessionId: string) => {
    const names = repeats.name(sessionId, content, await ledger.lost())
    const message = messageOf(envelope, text, names.id, account.duplicateWindow, saidIncoming(pdu))
    const alsoKnownAs = names.alsoKnownAs.map((id) => idWithOrigin(id, envelope.origin))
    try {
      const outcome = await gateway.receiveMessage(alsoKnownAs.length > 0 ? { ...message, alsoKnownAs } : message)
      return { status: statusOf(outcome), names }
    } catch (error) {
      names.answered(false)
      throw error
    }
  }

  const onText = (
    pdu: Incoming,
    envelope: Envelope,
    text: string,
    content: string,
    respond: Respond,
    sessionId: string,
  ) => {
    const work = takeText(pdu, envelope, text, content, sessionId).then(({ status, names }) => {
      const written = respond(status)
      // Unwritten, it stays unanswered: on the session's end it is what will be repeated.
      if (written) names.answered(status !== RX_T_APPN)
      return status
    })
    work.catch((error: unknown) => {
      log.warn({ err: error, account: name }, 'an incoming message could not be stored')
      respond(RX_T_APPN)
    })
  }

  /** Hands an assembled message to the gateway and takes it out of the store; not when it could not be stored. */
  const handOn = async (key: string, message: Assembled<About>): Promise<number> => {
    const outcome = await deliverAssembled(message)
    if (outcome === RX_T_APPN) return outcome
    await store.update<State, void>(key, stateLifeMs, (state) => ({
      next: finish(state, [message.id], clock.now(), bounds),
      result: undefined,
    }))
    return outcome
  }

  const deliverAssembled = async (message: Assembled<About>): Promise<number> => {
    if (message.missing.length > 0) {
      metrics.odd(name, 'incomplete_message')
      if (account.incomplete === 'drop') return ROK
    }
    const joined = joinParts(message.parts, { defaultAlphabet: account.defaultAlphabet })
    if (joined.kind !== 'text') {
      metrics.odd(name, joined.kind)
      return ROK
    }
    const said = `deliver_sm parts:${message.parts.length}/${message.total}`
    const id = stableId(`${name} ${message.about.nonce}`)
    return statusOf(await gateway.receiveMessage(messageOf(message.about, joined.text, id, bounds.rememberMs, said)))
  }

  const onPart = async (part: Omit<Part<About>, 'about'>, envelope: Envelope): Promise<number> => {
    const key = prefix + shardOf(part.source)
    const about = { ...envelope, nonce: randomUUID() }
    const result = await store.update<State, AddResult<About>>(key, stateLifeMs, (state) =>
      addPart(state, { ...part, about }, clock.now(), bounds),
    )
    for (const message of result.overdue) await handOn(key, message)
    switch (result.kind) {
      case 'complete':
        return handOn(key, result.message)
      case 'waiting':
        await store.wakeAt(`${key}#${result.wakeAt}`, result.wakeAt)
        return ROK
      case 'duplicate':
        return ROK
    }
  }

  return {
    incoming(pdu, respond, sessionId) {
      const read = fromSms(pdu, account, domain)
      for (const oddity of read.oddities) metrics.odd(name, oddity)
      switch (read.kind) {
        case 'report': {
          metrics.receipt(name, read.state)
          if (!read.report) return void respond(ROK)
          gateway.receiveReport(read.report).then(() => respond(ROK), notStored(respond))
          return
        }
        case 'text':
          metrics.incoming(name, 'message')
          return onText(pdu, read.envelope, read.text, read.content, respond, sessionId)
        case 'part':
          metrics.incoming(name, 'part')
          onPart(read.part, read.envelope).then(respond, notStored(respond))
          return
        case 'dropped':
          return void respond(ROK)
        case 'refused':
          return void respond(read.status)
      }
    },
    bound: ledger.opened,
    ended(sessionId, end) {
      repeats.ended(sessionId, end.clean)
      ledger.closed(sessionId, end.clean)
    },
    wake(key) {
      if (!key.startsWith(prefix)) return undefined
      const storeKey = key.slice(0, key.lastIndexOf('#'))
      return (async () => {
        const due = await store.update<State, Assembled<About>[]>(storeKey, stateLifeMs, (state) => ({
          next: state,
          result: timedOut(state, clock.now()),
        }))
        for (const message of due) {
          if ((await handOn(storeKey, message)) === RX_T_APPN) throw new Error('the gateway takes no messages now')
        }
      })()
    },
    stop: ledger.stop,
  }
}
