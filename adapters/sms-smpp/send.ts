import type { Logger } from 'pino'
import type { Clock } from '../../gateway/cpm/clock.js'
import type { ServiceMessageId } from '../../gateway/cpm/ids.js'
import type { Attempt, GatewayPort, OutboundMessage, SendOutcome, ServicePart } from '../contract/index.js'
import type { AccountLinks, Submitted } from './bind/account.js'
import { chooseAccount } from './bind/choose.js'
import type { Answer } from './bind/requests.js'
import { createTurns } from './bind/turns.js'
import type { Linking } from './links.js'
import { handleOf } from './mapping/handle.js'
import { messageIdKeys } from './mapping/message-id.js'
import { type Progress, readProgress, writeProgress } from './mapping/progress.js'
import { type Repair, repairFor } from './mapping/repair.js'
import { saidAccepted, saidRefused } from './mapping/said.js'
import { overridden, statusMeaning, submitOutcome } from './mapping/status.js'
import { type SmsPart, toSms } from './mapping/to-sms.js'
import type { SmsMetrics } from './metrics.js'
import type { SmsOptions } from './profile.js'
import { tlvInt } from './wire/tlv.js'

export interface SenderParts {
  readonly options: SmsOptions
  readonly accounts: readonly AccountLinks[]
  readonly linking: Pick<Linking, 'linked'>
  readonly domain: string
  readonly clock: Clock
  readonly gateway: GatewayPort
  readonly metrics: SmsMetrics
  readonly log: Logger
}

type Busy = Extract<SendOutcome, { kind: 'busy' }>

/** One message on its way over one account. */
interface Sending {
  readonly message: OutboundMessage
  readonly attempt: Attempt
  readonly account: AccountLinks
  readonly reference: number
  readonly plan: readonly SmsPart[]
  readonly reportExpected: boolean
  readonly repair: Repair | undefined
  readonly giveUp: AbortSignal
  readonly resolve: (outcome: SendOutcome) => void
}

const MSGQFUL = 0x14
/** First pause after throttling, ms; a full queue empties more slowly than a rate falls. */
const PAUSE_MS = 1000
const QUEUE_PAUSE_MS = 5000
const NO_LINK_RETRY_MS = 1000
const STORE_FULL: SendOutcome = { kind: 'refused', final: 'here', reason: 'too-large', said: 'no room for its content' }
const STORE_AWAY: SendOutcome = {
  kind: 'busy',
  retryAfterMs: NO_LINK_RETRY_MS,
  scope: 'message',
  reason: 'service-unavailable',
  said: 'the store cannot be reached',
}

/** Makes the `send` of the message port: chooses the account, sends the parts in order, says what became of them. */
export function createSend(parts: SenderParts) {
  const { options, accounts, linking, domain, clock, gateway, metrics, log } = parts
  const turns = createTurns()
  let reference = Math.floor(Math.random() * 0x10000)

  const nextReference = () => {
    reference = (reference + 1) & 0xffff
    return reference
  }

  const progressOf = (sending: Sending, taken: readonly ServicePart[]): Progress => ({
    account: sending.account.profile.name,
    reference: sending.reference,
    total: sending.plan.length,
    parts: taken,
    ...(sending.repair ? { repair: sending.repair } : {}),
  })
  const withProgress = (sending: Sending, taken: readonly ServicePart[]) =>
    sending.plan.length > 1 || sending.repair ? { progress: writeProgress(progressOf(sending, taken)) } : {}

  /**
   * Not sent for now, through no fault of the message: the wait is exactly as long as the account's. Another account may
   * take it at once, unless parts of it are already with this one.
   */
  const putOff = (
    sending: Sending,
    taken: readonly ServicePart[],
    waitMs: number,
    busy: Omit<Busy, 'kind' | 'retryAfterMs' | 'scope'>,
  ): Busy => {
    const other = taken.length === 0 ? chooseAccount(accounts, sending.message.to) : undefined
    const elsewhere = other !== undefined && other !== sending.account
    const now = clock.now()
    if (!elsewhere) turns.defer(sending.message.to, sending.message.messageId, now + waitMs, now)
    return {
      kind: 'busy',
      ...busy,
      retryAfterMs: elsewhere ? 0 : waitMs,
      scope: 'peer',
      ...withProgress(sending, taken),
    }
  }

  const partOf = (answer: Extract<Answer, { kind: 'answered' }>, account: AccountLinks): ServicePart => {
    const id = 'message_id' in answer.pdu.fields ? answer.pdu.fields.message_id : ''
    const { name, messageId } = account.profile
    return { id: id as ServiceMessageId, keys: messageIdKeys(id, messageId).map((key) => `${name}/${key}`) }
  }

  const accepted = (sending: Sending, taken: readonly ServicePart[]): SendOutcome => {
    const { profile } = sending.account
    return {
      kind: 'accepted',
      parts: taken,
      reportExpected: sending.reportExpected && taken.every((part) => part.keys.length > 0),
      handle: handleOf(profile.name, taken, sending.plan[0]),
      said: saidAccepted(taken, sending.plan[0]?.fields.data_coding ?? 0, profile),
    }
  }

  /** Refused as it was: there may be another way to say it, to be tried once and only before anything was taken. */
  const repaired = (
    sending: Sending,
    taken: readonly ServicePart[],
    status: number,
    { reason, said }: Extract<SendOutcome, { kind: 'refused' }>,
  ): Busy | undefined => {
    const [first] = sending.plan
    const isFirst = taken.length === 0 && sending.repair === undefined
    if (!first || !isFirst || overridden(status, sending.account.profile.statusOverrides)) return undefined
    const repair = repairFor(status, first)
    if (!repair) return undefined
    const progress = writeProgress({ ...progressOf(sending, taken), repair })
    return {
      kind: 'busy',
      retryAfterMs: 0,
      scope: 'peer',
      maxAttempts: 2,
      reason,
      said: `${said}, now ${repair}`,
      progress,
    }
  }

  /** The outcome of an answer with an error status. */
  const refusedAnswer = (
    sending: Sending,
    taken: readonly ServicePart[],
    answer: Extract<Answer, { kind: 'answered' }>,
  ): SendOutcome => {
    const failure = tlvInt(answer.pdu, 'delivery_failure_reason')
    const outcome = submitOutcome(answer.status, {
      attempt: sending.attempt.number,
      overrides: sending.account.profile.statusOverrides,
      said: saidRefused(answer.pdu),
      ...(failure === undefined ? {} : { deliveryFailureReason: failure }),
    })
    if (outcome.kind === 'refused') return repaired(sending, taken, answer.status, outcome) ?? outcome
    if (outcome.scope === 'peer' && statusMeaning(answer.status).class === 'throttle') {
      metrics.throttled(sending.account.profile.name)
      const pauseMs = sending.account.throttled(answer.status === MSGQFUL ? QUEUE_PAUSE_MS : PAUSE_MS)
      // A number that is refused again and again must not be what keeps the account paused.
      const waitMs = Math.max(pauseMs, outcome.retryAfterMs)
      return putOff(sending, taken, waitMs, { reason: outcome.reason, said: outcome.said })
    }
    return { ...outcome, ...withProgress(sending, taken) }
  }

  const unsent = (
    sending: Sending,
    taken: readonly ServicePart[],
    why: Extract<Submitted, { kind: 'unsent' }>['why'],
  ): SendOutcome => {
    const { account } = sending
    const reason = 'service-unavailable'
    switch (why) {
      case 'expired':
        return { kind: 'refused', final: 'everywhere', reason: 'expired', said: 'expired before it could be sent' }
      case 'unencodable':
        return { kind: 'refused', final: 'here', reason: 'malformed', said: 'does not fit into submit_sm' }
      case 'paused':
        return putOff(sending, taken, account.pausedMs(), { reason: 'throttled', said: 'the centre throttles' })
      case 'stopped':
        return putOff(sending, taken, 0, { reason, said: 'the gateway stops' })
      case 'no-link':
        return putOff(sending, taken, NO_LINK_RETRY_MS, { reason, said: 'no link to the centre' })
      case 'full':
        return putOff(sending, taken, NO_LINK_RETRY_MS, { reason: 'throttled', said: 'too much is waiting here' })
    }
  }

  /** The answer came after the attempt had been called uncertain. */
  const settleLate = (sending: Sending, taken: readonly ServicePart[], answer: Answer) => {
    if (answer.kind !== 'answered') return
    const parts = answer.status === 0 ? [...taken, partOf(answer, sending.account)] : taken
    const outcome: SendOutcome =
      answer.status !== 0
        ? refusedAnswer(sending, taken, answer)
        : parts.length === sending.plan.length
          ? accepted(sending, parts)
          : {
              kind: 'busy',
              retryAfterMs: 0,
              scope: 'peer',
              reason: 'timeout',
              said: 'answered late; the rest is still to be sent',
              ...withProgress(sending, parts),
            }
    gateway.settleLate(sending.message.messageId, outcome).catch((error: unknown) => {
      log.warn({ err: error }, 'a late answer could not be passed on')
    })
  }

  /** What has become of the part after those in `taken`: one more that the centre has, or what ends the attempt. */
  const becomeOf = (sending: Sending, taken: readonly ServicePart[], result: Submitted): ServicePart | SendOutcome => {
    switch (result.kind) {
      case 'unsent':
        return unsent(sending, taken, result.why)
      case 'lost': {
        const said = result.why === 'timeout' ? 'no answer in time' : 'the link was lost before the answer'
        const reason = result.why === 'timeout' ? 'timeout' : 'uncertain'
        return { kind: 'uncertain', reason, said, ...withProgress(sending, taken) }
      }
      case 'answered':
        return result.status === 0 ? partOf(result, sending.account) : refusedAnswer(sending, taken, result)
    }
  }

  /** Sends the parts after those in `taken`, one after the other: a refused part must be the last one sent. */
  const sendNext = (sending: Sending, taken: readonly ServicePart[]) => {
    const part = sending.plan[taken.length]
    if (!part) return finish(sending, accepted(sending, taken))
    const offeredAt = clock.now()
    sending.account.submit({
      fields: part.fields,
      tlvs: part.tlvs,
      expiresAt: sending.message.expiresAt,
      giveUp: sending.giveUp,
      late: (answer) => settleLate(sending, taken, answer),
      done(result) {
        const become = becomeOf(sending, taken, result)
        const ends = 'kind' in become
        const name = !ends ? 'accepted' : result.kind === 'unsent' ? 'unsent' : become.kind
        metrics.submitted(sending.account.profile.name, name, (clock.now() - offeredAt) / 1000)
        if (ends) finish(sending, become)
        else sendNext(sending, [...taken, become])
      },
    })
  }

  const finish = ({ message, resolve }: Sending, outcome: SendOutcome) => {
    if (outcome.kind !== 'busy') turns.settled(message.to, message.messageId, clock.now())
    resolve(outcome)
  }

  const send = (message: OutboundMessage, attempt: Attempt, giveUp: AbortSignal): Promise<SendOutcome> => {
    const now = clock.now()
    if (message.expiresAt <= now) {
      return Promise.resolve({ kind: 'refused', final: 'everywhere', reason: 'expired', said: 'expired' })
    }
    const waitMs = turns.wait(message.to, message.messageId, now)
    if (waitMs > 0) {
      const said = 'an earlier message to the same recipient waits'
      return Promise.resolve({ kind: 'busy', retryAfterMs: waitMs, scope: 'peer', reason: 'throttled', said })
    }
    const earlier = readProgress(attempt.progress)
    const before = earlier && accounts.find((account) => account.profile.name === earlier.account)
    const begun = before !== undefined && (earlier?.parts.length ?? 0) > 0
    const account = begun ? before : chooseAccount(accounts, message.to)
    if (!account) return Promise.resolve(nothingUp())
    const known = account === before ? earlier : undefined
    const number = known?.reference ?? nextReference()
    const made = toSms(message, options, account.profile, {
      domain,
      now,
      reference: number,
      tlvs: account.takesTlvs(),
      repair: known?.repair,
    })
    if (made.kind === 'refused') {
      return Promise.resolve({ kind: 'refused', final: 'here', reason: made.reason, said: made.said })
    }
    // Cut otherwise than the last time (the profile has changed): what was sent does not fit any more.
    const resumes = begun && earlier?.total === made.parts.length
    return new Promise((resolve) => {
      const sending: Sending = {
        message,
        attempt,
        account,
        reference: number,
        plan: made.parts,
        reportExpected: made.reportExpected,
        repair: known?.repair,
        giveUp,
        resolve,
      }
      sendNext(sending, resumes ? earlier.parts : [])
    })
  }

  return (message: OutboundMessage, attempt: Attempt, giveUp: AbortSignal): Promise<SendOutcome> => {
    const linked = linking.linked(message)
    if (linked === undefined) return send(message, attempt, giveUp)
    return linked.then(
      (text) => (text === 'full' ? STORE_FULL : send(text, attempt, giveUp)),
      (error: unknown) => {
        log.warn({ err: error }, 'a content could not be kept')
        return STORE_AWAY
      },
    )
  }

  function nothingUp(): SendOutcome {
    const paused = accounts.map((account) => account.pausedMs()).filter((ms) => ms > 0)
    const throttled = paused.length > 0
    return {
      kind: 'busy',
      retryAfterMs: throttled ? Math.min(...paused) : NO_LINK_RETRY_MS,
      scope: 'peer',
      reason: throttled ? 'throttled' : 'service-unavailable',
      said: throttled ? 'the centre throttles' : 'no link to the centre',
    }
  }
}
