import type { Clock } from '../../gateway/cpm/clock.js'
import type { AcceptedMessage, MessagePort, RecallOutcome } from '../contract/index.js'
import type { AccountClient } from './client/account.js'
import type { HttpAnswer } from './client/post.js'
import { compose } from './compose.js'
import { toMm7Address } from './mapping/address.js'
import { readHandle, toCancel, toReplace } from './mapping/recall.js'
import { oneLine } from './mapping/said.js'
import { recallStatus } from './mapping/status.js'
import type { MmsMetrics } from './metrics.js'
import type { MmsOptions } from './profile.js'
import { isFault, readMessage, type Sending, writeMessage } from './wire/index.js'

interface RecallParts {
  readonly options: MmsOptions
  readonly accounts: readonly AccountClient[]
  readonly clock: Clock
  readonly metrics: MmsMetrics
}

/** Makes `cancel` and `replace` of the message port: the MMSC that took the message is asked, once. */
export function createRecall({
  options,
  accounts,
  clock,
  metrics,
}: RecallParts): Required<Pick<MessagePort, 'cancel' | 'replace'>> {
  function accountOf(message: AcceptedMessage) {
    const { account: name, ...found } = readHandle(message)
    const account = accounts.find(({ profile }) => profile.name === name)
    return account && account.state().state !== 'refused' ? { account, ...found } : undefined
  }

  async function ask(
    account: AccountClient,
    sending: Sending,
    expiresAt: number,
    giveUp: AbortSignal,
  ): Promise<RecallOutcome> {
    const posted = await account.submit({
      written: writeMessage(sending, account.profile),
      expiresAt,
      giveUp,
      late: () => undefined,
    })
    switch (posted.kind) {
      case 'expired':
        return { kind: 'too-late', said: 'its life has ended' }
      case 'answered':
        return outcomeOf(posted.answer)
      case 'lost':
      case 'unsent':
        return { kind: 'unavailable', said: posted.said }
    }
  }

  async function cancel(message: AcceptedMessage, giveUp: AbortSignal): Promise<RecallOutcome> {
    const found = accountOf(message)
    if (!found) return NO_ACCOUNT
    const { account, messageId, shared } = found
    const recipient = shared ? toMm7Address(message.to, account.profile) : undefined
    const outcome = await ask(account, toCancel(messageId, account.profile, recipient), message.expiresAt, giveUp)
    metrics.recalled(account.profile.name, 'cancel', outcome.kind)
    return outcome
  }

  const replace: MessagePort['replace'] = async (message, content, giveUp) => {
    const found = accountOf(message)
    if (!found) return NO_ACCOUNT
    const { account, messageId, shared } = found
    if (shared) return { kind: 'refused', reason: 'service-unsupported', said: 'it went to others too' }
    const composed = await compose(content, options, account.profile, false)
    if (composed.kind === 'refused') return { ...composed, said: oneLine(composed.said) }
    const sending = toReplace(messageId, account.profile, composed.content, clock.now())
    const outcome = await ask(account, sending, message.expiresAt, giveUp)
    metrics.recalled(account.profile.name, 'replace', outcome.kind)
    return outcome
  }

  return { cancel, replace }
}

const NO_ACCOUNT: RecallOutcome = { kind: 'unavailable', said: 'the MMSC that took it cannot be asked' }

function outcomeOf({ status, contentType, body }: HttpAnswer): RecallOutcome {
  const read = readMessage(contentType, body)
  if (isFault(read) || !('status' in read.message)) {
    return { kind: 'unavailable', said: `HTTP ${status} without readable MM7` }
  }
  const { operation, status: told } = read.message
  return recallStatus(told.code, oneLine([operation, told.code, told.text].filter(Boolean).join(' ')))
}
