import { newMessageId } from '../../cpm/identity.js'
import type { Uri } from '../../cpm/ids.js'
import type { CpmMessage } from '../../cpm/message.js'
import { octets } from '../../interworking/selection.js'
import type { KeptEntry } from './work.js'

/** Messages listed one by one; beyond, the number alone tells. */
export const LISTED = 20
const SUMMARY_LIFE_MS = 86_400_000

/**
 * The system message that tells a user what waits for him, without its content (`DEF-02`, `DEF-03`): a message summary
 * (RFC 3842 §5.2), whose optional headers name each message.
 */
export function summaryMessage(
  from: Uri,
  user: Uri,
  { count, entries }: { readonly count: number; readonly entries: readonly KeptEntry[] },
  now: number,
): CpmMessage {
  return {
    messageId: newMessageId(),
    from,
    to: user,
    sentAt: now,
    expiresAt: now + SUMMARY_LIFE_MS,
    privacy: false,
    dispositions: [],
    content: { type: 'application/simple-message-summary', text: summaryText(user, count, entries) },
  }
}

/** Pure. */
function summaryText(user: Uri, count: number, entries: readonly KeptEntry[]): string {
  const status = [
    `Messages-Waiting: ${count > 0 ? 'yes' : 'no'}`,
    `Message-Account: ${user}`,
    `Pager-Message: ${count}/0`,
  ]
  return [status, ...entries.slice(0, LISTED).map(headersOf)].map((lines) => `${lines.join('\r\n')}\r\n`).join('\r\n')
}

function headersOf({ id, content: { deferred } }: KeptEntry): readonly string[] {
  const { message, from, fromName } = deferred
  const sender = message.privacy ? 'Anonymous' : fromName === undefined ? from : `${oneLine(fromName)} <${from}>`
  return [
    `Message-ID: ${id}`,
    `From: ${sender}`,
    `To: ${message.to}`,
    `Date: ${new Date(message.sentAt).toUTCString()}`,
    ...(message.subject === undefined ? [] : [`Subject: ${oneLine(message.subject)}`]),
    ...(message.priority === undefined ? [] : [`Priority: ${message.priority}`]),
    `Size: ${octets(message.content)}`,
  ]
}

/** A line break would begin a header of the sender's making. */
const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ')
