import { randomUUID } from 'node:crypto'
import type { AcceptedMessage } from '../../contract/index.js'
import type { Account } from '../profile.js'
import type { MmsContent, Sending } from '../wire/index.js'
import { contentClassOf } from './content-class.js'
import { dateTime, dialectFor, given } from './submit.js'

/** How an accepted message is found again: the account that took it, and the MMSC's name for it. */
export const handleOf = (account: string, messageId: string): string => `${account}/${messageId}`

export function readHandle({ handle }: Pick<AcceptedMessage, 'handle'>): { account: string; messageId: string } {
  const at = handle.indexOf('/')
  return { account: handle.slice(0, at), messageId: handle.slice(at + 1) }
}

const senderIdentification = ({ vaspId, vasId }: Account) => ({ ...given('vaspId', vaspId), ...given('vasId', vasId) })

/** CancelReq (TS 23.140 §8.7.3). */
export const toCancel = (messageId: string, account: Account): Sending => ({
  transactionId: randomUUID(),
  dialect: dialectFor(account),
  message: { operation: 'CancelReq', senderIdentification: senderIdentification(account), messageId },
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
