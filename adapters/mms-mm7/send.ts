import type { Logger } from 'pino'
import type { Clock } from '../../gateway/cpm/clock.js'
import type { MessageId, ServiceMessageId } from '../../gateway/cpm/ids.js'
import type { Attempt, ContentLinks, GatewayPort, OutboundMessage, SendOutcome } from '../contract/index.js'
import { createBatches, type Seat } from './batch.js'
import type { AccountClient } from './client/account.js'
import { chooseAccount } from './client/choose.js'
import type { HttpAnswer } from './client/post.js'
import { compose, type KeepPart } from './compose.js'
import type { Threads } from './linked.js'
import { toMm7Address } from './mapping/address.js'
import { bareKeys, reportKeys } from './mapping/message-id.js'
import { handleOf } from './mapping/recall.js'
import { oneLine } from './mapping/said.js'
import { httpOutcome, isAlarm, isClosed, isTaken, mayBeOnes, statusOutcome } from './mapping/status.js'
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
const REPAIRS = ['smaller', 'no-linked-id', 'alone'] as const
type Repair = (typeof REPAIRS)[number]

interface Sending extends Seat {
  /** Others are in the same request. */
  readonly shared: boolean
  readonly account: AccountClient
  readonly repairs: readonly Repair[]
  /** What was done to the content, in words. */
  readonly adapted: string
}

const NO_ACCOUNT_RETRY_MS = 1000

/** Makes the `send` of the message port: fits the message to the service, submits it, says what became of it. */
export function createSend({ options, accounts, threads, links, clock, gateway, metrics, log }: SenderParts) {
  const batches = createBatches<SendOutcome>(clock)

  /** The SubmitReq of messages to several recipients as octets, or why it cannot be made. */
  async function prepare(
    messages: readonly [OutboundMessage, ...OutboundMessage[]],
    account: AccountClient,
    repairs: readonly Repair[],
    linked: string | undefined,
  ): Promise<{ readonly written: Written; readonly adapted: string } | SendOutcome> {
    const { profile } = account
    const [message] = messages
    const sender = toMm7Address(message.from, profile)
    if (!sender) return { ...HERE, reason: 'no-originator-address', said: 'originator is no MMS address' }
    const recipients = messages.flatMap(({ to }) => toMm7Address(to, profile) ?? [])
    if (recipients.length < messages.length) {
      return { ...HERE, reason: 'address-invalid', said: 'recipient is no MMS address' }
    }
    const keep = keepFor(links, message.messageId)
    const composed = await compose(message.content, options, profile, repairs.includes('smaller'), keep)
    if (composed.kind === 'refused') return { ...HERE, reason: composed.reason, said: oneLine(composed.said) }
    for (const change of composed.changes) metrics.adapted(change)
    const submit = toSubmit(messages, profile, {
      now: clock.now(),
      sender,
      recipients,
      content: composed.content,
      ...(linked === undefined ? {} : { linkedId: linked }),
    })
    return { written: writeMessage(submit, profile), adapted: composed.said }
  }

  /** The MMSC has taken the message, and named it in most cases. */
  async function accepted(sending: Sending, said: string, messageId: string | undefined): Promise<SendOutcome> {
    const { message, account, adapted, shared } = sending
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
    // A report that names nobody says nothing of one of several.
    const bare = messageId === undefined || shared ? [] : bareKeys(messageId)
    const keys = messageId === undefined ? [] : [...reportKeys(messageId, [message.to]), ...bare]
    return {
      kind: 'accepted',
      parts: [{ id: (messageId ?? '') as ServiceMessageId, keys }],
      reportExpected: messageId !== undefined && (asked.deliveryReport || asked.readReply),
      ...(messageId === undefined ? {} : { handle: handleOf({ account: account.profile.name, messageId, shared }) }),
      said: oneLine(
        [said, messageId && `id ${messageId}`, shared && 'with others', adapted].filter(Boolean).join(', '),
      ),
    }
  }

  /** Another way to say what the MMSC has refused, tried once. */
  function repaired({ repairs, shared }: Sending, { code }: Mm7Status, said: string): SendOutcome | undefined {
    const repair: Repair | undefined =
      shared && mayBeOnes(code)
        ? 'alone'
        : code === STATUS.contentRefused
          ? 'smaller'
          : code === STATUS.linkedIdNotFound
            ? 'no-linked-id'
            : undefined
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
    const known = statusOverrides[status.code] === undefined || sending.shared
    const repair = known ? repaired(sending, status, said) : undefined
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

  /** Sends one request for all of them; the outcome of each, in order. */
  async function submit(
    seats: readonly [Seat, ...Seat[]],
    account: AccountClient,
    { repairs, linked }: Pick<Sending, 'repairs'> & { readonly linked: string | undefined },
    giveUp: AbortSignal,
  ): Promise<readonly SendOutcome[]> {
    const [first, ...others] = seats
    const messages = [first.message, ...others.map(({ message }) => message)] as const
    const prepared = await prepare(messages, account, repairs, linked).catch((error: unknown): SendOutcome => {
      log.warn({ err: error }, 'a message could not be prepared')
      return STORE_AWAY
    })
    if ('kind' in prepared) return seats.map(() => prepared)
    const { adapted, written } = prepared
    const sendings = seats.map((seat): Sending => ({ ...seat, shared: others.length > 0, account, repairs, adapted }))
    const posted = await account.submit({
      written,
      expiresAt: Math.min(...messages.map(({ expiresAt }) => expiresAt)),
      giveUp,
      late: (answer) => {
        for (const sending of sendings) settleLate(sending, answer)
      },
    })
    return Promise.all(sendings.map((sending) => becameOf(sending, posted)))
  }

  async function becameOf(
    sending: Sending,
    posted: Awaited<ReturnType<AccountClient['submit']>>,
  ): Promise<SendOutcome> {
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

  /** By itself, or with others that differ in their recipient only. */
  async function offer(seat: Seat, account: AccountClient, giveUp: AbortSignal): Promise<SendOutcome> {
    const { message, attempt } = seat
    const { linkedId, together } = account.profile
    const repairs = REPAIRS.filter((repair) => attempt.progress?.note?.split(' ').includes(repair))
    const linked =
      linkedId === 'never' || repairs.includes('no-linked-id')
        ? undefined
        : await threads.recall(message.to, message.from)
    const send = (seats: readonly [Seat, ...Seat[]]) => submit(seats, account, { repairs, linked }, giveUp)
    const isLike = repairs.length === 0 && linked === undefined && toMm7Address(message.to, account.profile)
    const outcome =
      together.recipients > 1 && isLike ? await batches(account.profile, seat, send) : (await send([seat]))[0]
    return outcome ?? NOTHING_UP
  }

  return async (message: OutboundMessage, attempt: Attempt, giveUp: AbortSignal): Promise<SendOutcome> => {
    const began = clock.now()
    if (message.expiresAt <= began) return EXPIRED
    const account = chooseAccount(accounts, message.to, attempt)
    if (!account || giveUp.aborted) return NOTHING_UP
    const outcome = await offer({ message, attempt }, account, giveUp).catch((error: unknown): SendOutcome => {
      log.warn({ err: error }, 'what is known of the recipient could not be read')
      return STORE_AWAY
    })
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
const STORE_AWAY: SendOutcome = { ...NOTHING_UP, said: 'the store cannot be reached' }
const HERE = { kind: 'refused', final: 'here' } as const
