import { randomUUID } from 'node:crypto'
import type { AcceptedMessage } from '../../contract/index.js'
import type { Account } from '../profile.js'
import type { Mm7Address, MmsContent, Sending } from '../wire/index.js'
import { contentClassOf } from './content-class.js'
import { dateTime, dialectFor, given } from './submit.js'

/** How an accepted message is found again. */
interface Handle {
  readonly account: string
  /** The MMSC's name for it. */
  readonly messageId: string
  /** It went to several recipients together. */
  readonly shared: boolean
}

const SHARED = '*'

/** `account/MessageID`, or `account*` of a message that went to several recipients together. */
export const handleOf = ({ account, messageId, shared }: Handle): string =>
  `${account}${shared ? SHARED : ''}/${messageId}`

export function readHandle({ handle }: Pick<AcceptedMessage, 'handle'>): Handle {
  const at = handle.indexOf('/')
  const [account = '', ...mark] = handle.slice(0, at).split(SHARED)
  return { account, messageId: handle.slice(at + 1), shared: mark.length > 0 }
}

const senderIdentification = ({ vaspId, vasId }: Account) => ({ ...given('vaspId', vaspId), ...given('vasId', vasId) })

/** CancelReq (TS 23.140 §8.7.3); `recipient`: for him alone. */
export const toCancel = (messageId: string, account: Account, recipient: Mm7Address | undefined): Sending => ({
  transactionId: randomUUID(),
  dialect: dialectFor(account),
  message: {
    operation: 'CancelReq',
    senderIdentification: senderIdentification(account),
    messageId,
    ...given('recipients', recipient && { to: [recipient] }),
  },
})

/** ReplaceReq (TS 23.140 §8.7.3): what it does not say stays as it was. */
export const toReplace = (messageId: string, account: Account, content: MmsContent, now: number): Sending => ({
  transactionId: randomUUID(),
  dialect: dialectFor(account),
  message: {
    operation: 'ReplaceReq',
    senderIdentification: senderIdentification(account),
    messageId,
    ...given('serviceCode', account.serviceCode),
    timeStamp: dateTime(now),
    ...given('distributionIndicator', account.distributionIndicator),
    ...given('contentClass', contentClassOf(content.parts)),
    contents: [{ href: '', allowAdaptations: account.allowAdaptations }],
  },
  content,
})
