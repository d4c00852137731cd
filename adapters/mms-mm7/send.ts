import type { Logger } from 'pino'
import type { Clock } from '../../gateway/cpm/clock.js'
import type { MessageId, ServiceMessageId } from '../../gateway/cpm/ids.js'
import type { Attempt, ContentLinks, GatewayPort, OutboundMessage, SendOutcome } from '../contract/index.js'
import type { AccountClient } from './client/account.js'
import { chooseAccount } from './client/choose.js'
import type { HttpAnswer } from './client/post.js'
import { compose, type KeepPart } from './compose.js'
import type { Threads } from './linked.js'
import { toMm7Address } from './mapping/address.js'
import { bareKeys, reportKeys } from './mapping/message-id.js'
import { handleOf } from './mapping/recall.js'
import { oneLine } from './mapping/said.js'
import { httpOutcome, isAlarm, isClosed, isTaken, statusOutcome } from './mapping/status.js'
import { reportsAsked, toSubmit } from './mapping/submit.js'
import type { MmsMetrics } from './metrics.js'
import type { MmsOptions } from './profile.js'
import { isFault, type Mm7Status, readMessage, STATUS, type Written, writeMessage } from './wire/index.js'

interface SenderParts {
  readonly options: MmsOptions
  readonly accounts: readonly AccountClient[]
  readonly threads: Threads
  readonly links: ContentLinks | undefined
  readonly clock: Clock
  readonly gateway: GatewayPort
  readonly metrics: MmsMetrics
  readonly log: Logger
}

/** How a message is tried after the MMSC has refused it as it was; each once. */
const REPAIRS = ['smaller', 'no-linked-id'] as const
type Repair = (typeof REPAIRS)[number]

interface Sending {
  readonly message: OutboundMessage
  readonly attempt: Attempt
  readonly account: AccountClient
  readonly repairs: readonly Repair[]
  /** What was done to the content, in words. */
  readonly adapted: string
}

const NO_ACCOUNT_RETRY_MS = 1000

/** Makes the `send` of the message port: fits the message to the service, submits it, says what became of it. */
export function createSend({ options, accounts, threads, links, clock, gateway, metrics, log }: SenderParts) {
  /** The SubmitReq of a message as octets, or why it cannot be made. */
  async function prepare(
    message: OutboundMessage,
    account: AccountClient,
    repairs: readonly Repair[],
  ): Promise<{ readonly written: Written; readonly adapted: string } | SendOutcome> {
    const { profile } = account
    const here = { kind: 'refused', final: 'here' } as const
    const sender = toMm7Address(message.from, profile)
    if (!sender) return { ...here, reason: 'no-originator-address', said: 'originator is no MMS address' }
    const recipient = toMm7Address(message.to, profile)
    if (!recipient) return { ...here, reason: 'address-invalid', said: 'recipient is no MMS address' }
    const keep = keepFor(links, message.messageId)
    const composed = await compose(message.content, options, profile, repairs.includes('smaller'), keep)
    if (composed.kind === 'refused') return { ...here, reason: composed.reason, said: oneLine(composed.said) }
    for (const change of composed.changes) metrics.adapted(change)
    const linked =
      profile.linkedId === 'never' || repairs.includes('no-linked-id')
        ? undefined
        : await threads.recall(message.to, message.from)
    const now = clock.now()
    const submit = toSubmit(message, profile, {
      now,
      sender,
      recipient,
      content: composed.content,
      ...(linked === undefined ? {} : { linkedId: linked }),
    })
    return { written: writeMessage(submit, profile), adapted: composed.said }
  }

  /** The MMSC has taken the message, and named it in most cases. */
  async function accepted({ message, account, adapted }: Sending, said: string, messageId: string | undefined) {
    const asked = reportsAsked(message, account.profile)
    const remembered = [
      ...(account.profile.linkedId === 'once' ? [threads.forget(message.to, message.from)] : []),
      ...(messageId === undefined || message.contributionId === undefined
        ? []
        : [threads.sent(messageId, message.contributionId)]),
    ]
    // It is taken, whatever becomes of the memory.
    await Promise.all(remembered).catch((error: unknown) => {
      log.warn({ err: error }, 'an answer to this message will not be known as one')
    })
    const keys = messageId === undefined ? [] : [...reportKeys(messageId, [message.to]), ...bareKeys(messageId)]
    return {
      kind: 'accepted',
      parts: [{ id: (messageId ?? '') as ServiceMessageId, keys }],
      reportExpected: messageId !== undefined && (asked.deliveryReport || asked.readReply),
      ...(messageId === undefined ? {} : { handle: handleOf(account.profile.name, messageId) }),
      said: oneLine([said, messageId && `id ${messageId}`, adapted].filter(Boolean).join(', ')),
    } as const
  }

  /** Another way to say what the MMSC has refused, tried once. */
  function repaired({ repairs }: Sending, { code }: Mm7Status, said: string): SendOutcome | undefined {
    const repair: Repair | undefined =
      code === STATUS.contentRefused ? 'smaller' : code === STATUS.linkedIdNotFound ? 'no-linked-id' : undefined
    if (repair === undefined || repairs.includes(repair)) return undefined
    return {
      kind: 'busy',
      retryAfterMs: 0,
      scope: 'peer',
      reason: 'content-unsupported',
      said: `${said}, now ${repair}`,
      progress: { parts: [], note: [...repairs, repair].join(' ') },
    }
  }

  async function outcomeOf(sending: Sending, answer: HttpAnswer): Promise<SendOutcome> {
    const { account, attempt } = sending
    const { name, emptyAnswer, statusOverrides } = account.profile
    const read = readMessage(answer.contentType, answer.body)
    if (isFault(read) || !('status' in read.message)) {
      const said = `HTTP ${answer.status} without readable MM7`
      const failed = httpOutcome(answer.status, attempt.number, answer.retryAfterMs, said)
      if (isClosed(answer.status)) account.refused(`HTTP ${answer.status} at ${account.profile.url}`)
      else if (failed?.kind === 'busy' && failed.scope === 'peer') account.pause(failed.retryAfterMs)
      if (failed) return failed
      metrics.fault('answer')
      if (emptyAnswer === 'accepted') return accepted(sending, said, undefined)
      return { kind: 'uncertain', reason: 'uncertain', said, ...progressOf(sending) }
    }
    const { operation, status } = read.message
    const said = oneLine([operation, status.code, status.text?.slice(0, 100)].filter(Boolean).join(' '))
    if (isTaken(status.code)) {
      return accepted(sending, said, 'messageId' in read.message ? read.message.messageId : undefined)
    }
    if (isAlarm(status.code)) log.error({ account: name, said }, 'the MMSC does not understand or accept us')
    if (status.code === STATUS.improperIdentification) account.refused(said)
    const repair = statusOverrides[status.code] === undefined ? repaired(sending, status, said) : undefined
    const outcome = repair ?? statusOutcome(status, attempt.number, said, statusOverrides)
    return outcome.kind === 'busy' && repair === undefined ? { ...outcome, ...progressOf(sending) } : outcome
  }

  const progressOf = ({ repairs }: Sending) =>
    repairs.length === 0 ? {} : { progress: { parts: [], note: repairs.join(' ') } }

  /** The answer came after the attempt had been called uncertain. */
  function settleLate(sending: Sending, answer: HttpAnswer): void {
    outcomeOf(sending, answer)
      .then((outcome) => gateway.settleLate(sending.message.messageId, outcome))
      .catch((error: unknown) => log.warn({ err: error }, 'a late answer could not be passed on'))
  }

  async function submit(
    message: OutboundMessage,
    attempt: Attempt,
    account: AccountClient,
    giveUp: AbortSignal,
  ): Promise<SendOutcome> {
    const repairs = REPAIRS.filter((repair) => attempt.progress?.note?.split(' ').includes(repair))
    const prepared = await prepare(message, account, repairs).catch((error: unknown): SendOutcome => {
      log.warn({ err: error }, 'a message could not be prepared')
      return { ...NOTHING_UP, said: 'the store cannot be reached' }
    })
    if ('kind' in prepared) return prepared
    const sending: Sending = { message, attempt, account, repairs, adapted: prepared.adapted }
    const posted = await account.submit({
      written: prepared.written,
      expiresAt: message.expiresAt,
      giveUp,
      late: (answer) => settleLate(sending, answer),
    })
    switch (posted.kind) {
      case 'expired':
        return EXPIRED
      case 'answered':
        return outcomeOf(sending, posted.answer)
      case 'lost':
        return {
          kind: 'uncertain',
          reason: posted.why === 'timeout' ? 'timeout' : 'uncertain',
          said: posted.said,
          ...progressOf(sending),
        }
      case 'unsent':
        return { ...NOTHING_UP, said: posted.said, ...progressOf(sending) }
    }
  }

  return async (message: OutboundMessage, attempt: Attempt, giveUp: AbortSignal): Promise<SendOutcome> => {
    const began = clock.now()
    if (message.expiresAt <= began) return EXPIRED
    const account = chooseAccount(accounts, message.to, attempt)
    if (!account || giveUp.aborted) return NOTHING_UP
    const outcome = await submit(message, attempt, account, giveUp)
    metrics.submitted(account.profile.name, outcome.kind, (clock.now() - began) / 1000)
    return outcome
  }
}

/** The parts of one message in our own store. */
const keepFor =
  (links: ContentLinks | undefined, messageId: MessageId): KeepPart =>
  async (part, index) =>
    links?.keep(`${messageId}/${index}`, part)

const EXPIRED: SendOutcome = { kind: 'refused', final: 'everywhere', reason: 'expired', said: 'expired' }
const NOTHING_UP = {
  kind: 'busy',
  retryAfterMs: NO_ACCOUNT_RETRY_MS,
  scope: 'peer',
  reason: 'service-unavailable',
  said: 'no MMSC can be reached',
} as const
