import { stableId } from '../../../gateway/cpm/identity.js'
import type { Priority } from '../../../gateway/cpm/message.js'
import type { OutboundMessage } from '../../contract/index.js'
import type { Account } from '../profile.js'
import { type Dialect, dialectOf, type Fields, type Mm7Address, type MmsContent, type Sending } from '../wire/index.js'
import { contentClassOf } from './content-class.js'

/** What becomes of `Priority` (RFC 3261 §20.26) in MMS, and back. */
const PRIORITIES = { emergency: 'High', urgent: 'High', normal: 'Normal', 'non-urgent': 'Low' } as const
const BACK = { High: 'urgent', Normal: 'normal', Low: 'non-urgent' } as const

export const fromMmsPriority = (priority: keyof typeof BACK): Priority => BACK[priority]

/** How this account speaks. */
export const dialectFor = ({ release, version, prefix }: Account): Dialect => dialectOf(release, version, prefix)

/** The same for the same message in every attempt: letters, digits and hyphens, since some MMSCs choke on others. */
const transactionIdOf = (messages: readonly Pick<OutboundMessage, 'messageId' | 'to'>[]): string =>
  stableId(
    `mm7 ${messages
      .map(({ messageId, to }) => `${messageId} ${to}`)
      .sort()
      .join(' ')}`,
  )

/** Reports that are asked for: what the sender wants and the network has. */
export function reportsAsked({ reports }: Pick<OutboundMessage, 'reports'>, account: Account) {
  return {
    deliveryReport: account.deliveryReports && (reports.delivered || reports.failed),
    readReply: account.readReplies && reports.displayed,
  }
}

interface SubmitContext {
  readonly now: number
  readonly sender: Mm7Address
  readonly recipients: readonly Mm7Address[]
  readonly content: MmsContent
  readonly linkedId?: string
}

/** Date and time to the second, as MMSCs write it. */
export const dateTime = (at: number): string => new Date(at).toISOString().replace(/\.\d{3}Z$/, 'Z')

const earliest = ({ deliverAt }: OutboundMessage, now: number): string | undefined =>
  deliverAt === undefined || deliverAt <= now ? undefined : dateTime(deliverAt)

/** Makes the SubmitReq of a CPM message, or of several that differ in their recipient only. Pure. */
export function toSubmit(
  messages: readonly [OutboundMessage, ...OutboundMessage[]],
  account: Account,
  context: SubmitContext,
): Sending {
  const [message] = messages
  const { sender, recipients, content, linkedId } = context
  const contentClass = contentClassOf(content.parts)
  const request: Fields<'SubmitReq'> = {
    senderIdentification: {
      ...given('vaspId', account.vaspId),
      ...given('vasId', account.vasId),
      senderAddress: sender,
    },
    recipients: { to: recipients },
    ...given('serviceCode', account.serviceCode),
    ...given('linkedId', linkedId),
    messageClass: account.messageClass,
    timeStamp: dateTime(context.now),
    ...given('earliestDeliveryTime', earliest(message, context.now)),
    expiryDate: dateTime(Math.min(...messages.map(({ expiresAt }) => expiresAt))),
    ...reportsAsked(message, account),
    priority: PRIORITIES[message.priority ?? 'normal'],
    ...given('subject', message.subject),
    ...given('chargedParty', account.chargedParty),
    ...given('distributionIndicator', account.distributionIndicator),
    ...given('contentClass', contentClass),
    drmContent: false,
    contents: [{ href: '', allowAdaptations: account.allowAdaptations }],
  }
  return {
    transactionId: transactionIdOf(messages),
    dialect: dialectFor(account),
    message: { operation: 'SubmitReq', ...request },
    content,
  }
}

/** A field that is there when its value is. */
export const given = <Key extends string, Value>(key: Key, value: Value | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: Value }
