import type { Clock } from '../../gateway/cpm/clock.js'
import type { AcceptedMessage, MessagePort, RecallOutcome } from '../contract/index.js'
import type { AccountLinks } from './bind/account.js'
import { toSmsAddress } from './mapping/address.js'
import { type Handle, readHandle } from './mapping/handle.js'
import { saidRefused } from './mapping/said.js'
import { recallOutcome } from './mapping/status.js'
import { toSms } from './mapping/to-sms.js'
import type { SmsMetrics } from './metrics.js'
import type { SmsOptions } from './profile.js'

interface RecallParts {
  readonly options: SmsOptions
  readonly accounts: readonly AccountLinks[]
  readonly domain: string
  readonly clock: Clock
  readonly metrics: SmsMetrics
}

type Request = ReturnType<AccountLinks['request']>

/** Makes `cancel` and `replace` of the message port: by cancel_sm and replace_sm at the centre that took the message. */
export function createRecall({
  options,
  accounts,
  domain,
  clock,
  metrics,
}: RecallParts): Required<Pick<MessagePort, 'cancel' | 'replace'>> {
  /** Where the message is, and under which address it was sent; undefined when the configuration does not have that any more. */
  function find(message: AcceptedMessage) {
    const handle = readHandle(message)
    const account = accounts.find(({ profile }) => profile.name === handle.account)
    const from = account && toSmsAddress(message.from, account.profile.source, domain)
    const to = account && toSmsAddress(message.to, account.profile.destination, domain)
    return account && from && to ? { account, from, to, handle } : undefined
  }

  const cancel: MessagePort['cancel'] = async (message) => {
    const found = find(message)
    if (!found) return NO_ACCOUNT
    const { account, from, to, handle } = found
    const outcomes: RecallOutcome[] = []
    for (const id of handle.ids) {
      const asked = account.request('cancel_sm', {
        service_type: account.profile.serviceType,
        message_id: id,
        source_addr_ton: from.ton,
        source_addr_npi: from.npi,
        source_addr: from.addr,
        dest_addr_ton: to.ton,
        dest_addr_npi: to.npi,
        destination_addr: to.addr,
      })
      const outcome = await outcomeOf(asked)
      outcomes.push(outcome)
      // Nobody who asks again wants to wait for each of the others first.
      if (outcome.kind === 'unavailable') break
    }
    const outcome = together(outcomes, handle.ids.length)
    metrics.recalled(handle.account, 'cancel', outcome.kind)
    return outcome
  }

  const replace: MessagePort['replace'] = async (message, content) => {
    const found = find(message)
    if (!found) return NO_ACCOUNT
    const { account, from, handle } = found
    const [id = ''] = handle.ids
    const text = shortText({ ...message, content }, handle, account)
    if (!('octets' in text)) return text
    const asked = account.request('replace_sm', {
      message_id: id,
      source_addr_ton: from.ton,
      source_addr_npi: from.npi,
      source_addr: from.addr,
      // As they were (SMPP 3.4 §4.10.1).
      schedule_delivery_time: '',
      validity_period: '',
      registered_delivery: handle.registered,
      sm_default_msg_id: 0,
      short_message: text.octets,
    })
    const outcome = await outcomeOf(asked)
    metrics.recalled(handle.account, 'replace', outcome.kind)
    return outcome
  }

  /** replace_sm has neither data_coding nor user data header: what was one part in one alphabet must be so again. */
  function shortText(
    message: AcceptedMessage & Pick<Parameters<typeof toSms>[0], 'content'>,
    { ids, dataCoding }: Handle,
    { profile }: AccountLinks,
  ): { readonly octets: Buffer } | Extract<RecallOutcome, { readonly kind: 'refused' }> {
    const reports = { delivered: false, failed: false, displayed: false }
    const context = { domain, now: clock.now(), reference: 0, tlvs: false }
    const made = toSms({ ...message, reports }, options, profile, context)
    if (made.kind === 'refused') return { kind: 'refused', reason: made.reason, said: made.said }
    const [part, ...more] = made.parts
    if (part === undefined || more.length > 0 || ids.length > 1) {
      return { kind: 'refused', reason: 'too-large', said: 'only a message of one part can be replaced by one' }
    }
    if (part.fields.data_coding !== dataCoding) {
      return { kind: 'refused', reason: 'content-unsupported', said: 'the text needs another alphabet than the first' }
    }
    return { octets: part.fields.short_message }
  }

  return { cancel, replace }
}

const NO_ACCOUNT: RecallOutcome = { kind: 'unavailable', said: 'the account that took it is not configured any more' }

async function outcomeOf(asked: Request): Promise<RecallOutcome> {
  const answer = await asked
  switch (answer.kind) {
    case 'unsent':
      return answer.why === 'unencodable'
        ? { kind: 'refused', reason: 'malformed', said: 'does not fit into the request' }
        : { kind: 'unavailable', said: answer.why === 'full' ? 'too much is being asked' : 'no link to the centre' }
    case 'lost':
      return { kind: 'unavailable', said: 'the centre has not answered' }
    case 'answered':
      return recallOutcome(answer.status, saidRefused(answer.pdu))
  }
}

/** What became of the message when this became of its parts: without one of them it cannot be read as it was. */
function together(outcomes: readonly RecallOutcome[], parts: number): RecallOutcome {
  const worst =
    outcomes.find(({ kind }) => kind === 'unavailable') ??
    outcomes.find(({ kind }) => kind === 'refused') ??
    outcomes.find(({ kind }) => kind === 'too-late')
  const [first] = outcomes
  if (worst === undefined || parts < 2) return worst ?? first ?? NO_ACCOUNT
  const done = outcomes.filter(({ kind }) => kind === 'done').length
  return { ...worst, said: `${worst.said} (${done} of ${parts} parts are cancelled)` }
}
