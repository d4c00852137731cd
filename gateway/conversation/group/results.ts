import type { UserDirectory } from '../../core/port.js'
import type { Clock } from '../../cpm/clock.js'
import { buildImdn } from '../../cpm/imdn.js'
import type { Disposition, DispositionNotification } from '../../cpm/message.js'
import { failureDisposition, notificationOf } from '../../interworking/notification.js'
import type { Originator } from '../../sip/port.js'
import type { Spool, SpoolItem, Taken, Verdict } from '../../spool/spool.js'
import { gatherByKey } from './gather.js'
import type { Member } from './membership.js'
import type { StoredMessage, StoredMessages } from './messages.js'
import {
  allIn,
  closedBy,
  gathered,
  isNews,
  NO_WINDOWS,
  openWindow,
  type Told,
  toldIn,
  type Windows,
} from './windows.js'
import {
  closeItem,
  type GroupKey,
  type GroupMessage,
  type GroupNotifyWork,
  keyOf,
  notifyItem,
  type Result,
  type ResultWork,
  readCopyId,
  resultsNote,
} from './work.js'

export interface ResultsOptions {
  readonly spool: Spool
  readonly stored: StoredMessages
  readonly directory: UserDirectory | undefined
  readonly clock: Clock
}

export interface Results {
  /** What members, or services for them, report; true when it was about copies of ours (`IMDN-13`). */
  notified(notifications: readonly DispositionNotification[], from: Originator): Promise<boolean>
  /** Takes an item of RESULT_LANE. */
  handle(taken: Taken<ResultWork>): Promise<Verdict<ResultWork>>
}

/**
 * What becomes of the copies, until their sender has been told: one by one, or gathered (`IMDN-03`, `FLOW-18a`). Whatever is
 * taken is stored before it is acknowledged.
 */
export function createResults({ spool, stored, directory, clock }: ResultsOptions): Results {
  const gather = gatherByKey<Told>(async (key, results) => {
    const found = await stored.find(key)
    if (found) await put(found, results)
  })

  async function notified(notifications: readonly DispositionNotification[], from: Originator): Promise<boolean> {
    const ours = await Promise.all(notifications.map((notification) => report(notification, from)))
    return ours.includes(true)
  }

  async function report(notification: DispositionNotification, from: Originator): Promise<boolean> {
    const copy = readCopyId(notification.messageId)
    const key = copy?.key ?? keyOf(notification.messageId)
    const found = await stored.find(key)
    if (!found) return false
    // To know a Message-ID is not to have received the message.
    const who = reporterOf(found, notification, from)
    if (who !== undefined) await take(found, { who, disposition: notification.disposition })
    return true
  }

  /** The member who reports; or, when he is no user but for example a group elsewhere, whom he reports of: never another member. */
  function reporterOf(
    { message, members }: StoredMessage,
    { recipient, messageId }: DispositionNotification,
    from: Originator,
  ): Result['who'] | undefined {
    const addresses = [from.uri, ...from.addresses]
    const isHis = ({ uri, account }: Member) => addresses.includes(account) || addresses.includes(uri)
    const named = readCopyId(messageId)?.index
    const index = named ?? members.findIndex(isHis)
    const member = members[index]
    if (!member || !isHis(member)) return undefined
    const himself = [...addresses, member.uri, member.account, message.address, message.message.to]
    if (directory?.find(member.account) || himself.includes(recipient)) return index
    return members.some(({ uri, account }) => uri === recipient || account === recipient) ? undefined : recipient
  }

  /** Stores a result. */
  async function take(found: StoredMessage, result: Result): Promise<void> {
    const { message } = found
    const tell = isAsked(message, result.disposition)
    if (message.reports.policy === 'single') return tell ? tellSingly(found, result) : undefined
    // One that is not told counts, too: nobody has to wait for it.
    if (tell || result.disposition.kind === 'delivery') await gather(message.key, { result, tell })
  }

  /** The name of its item makes it one, however often it is reported (`IMDN-04`). */
  async function tellSingly(found: StoredMessage, result: Result): Promise<void> {
    const { message } = found
    const notification = toNotification(found, result)
    const now = clock.now()
    const work = { notifications: [notification], from: notification.recipient, replyTo: message.replyTo }
    const item = notifyItem(message.key, `${result.who}${result.disposition.kind}`, work, now)
    await spool.put(item, { rememberMs: Math.max(1, message.until - now) })
  }

  /** The end of a window is there before anything is in it, so that nothing is forgotten. */
  async function put({ message, members }: StoredMessage, results: readonly Told[]): Promise<void> {
    const { key, reports, until } = message
    const note = resultsNote(key)
    for (;;) {
      const before = await read(key)
      if (!results.some((told) => isNews(before, told))) return
      const now = clock.now()
      const lifeMs = Math.max(1, until - now)
      const window = openWindow(before)
      const close = { key, window, by: 'time', at: now + reports.wait } as const
      await spool.put(closeItem(close, now), { rememberMs: lifeMs })
      const outcome = await spool.notes.update<Windows, 'moved' | 'all-in' | 'more'>(note, lifeMs, (state) => {
        const windows = state ?? NO_WINDOWS
        if (openWindow(windows) !== window) return { next: windows, result: 'moved' }
        const next = gathered(windows, results)
        const ends = allIn(next, members.length) && !allIn(windows, members.length)
        return { next, result: ends ? 'all-in' : 'more' }
      })
      if (outcome === 'moved') continue
      if (outcome === 'all-in') {
        await spool.put(closeItem({ ...close, by: 'all-in', at: now }, now), { rememberMs: lifeMs })
      }
      return
    }
  }

  async function read(key: GroupKey): Promise<Windows> {
    const found = await spool.notes.get(resultsNote(key))
    return found === undefined ? NO_WINDOWS : (JSON.parse(found) as Windows)
  }

  async function handle({ item, expired }: Taken<ResultWork>): Promise<Verdict<ResultWork>> {
    const work = item.payload
    const found = await stored.find(work.key)
    if (!found) return { kind: 'done' }
    if (work.kind !== 'close') {
      const results =
        work.kind === 'result' ? [work.result] : found.members.map((_, who) => ({ who, disposition: LOST }))
      await Promise.all(results.map((result) => take(found, result)))
      return { kind: 'done' }
    }
    const delayMs = work.at - clock.now()
    if (delayMs > 0 && !expired) return { kind: 'later', delayMs, payload: work, why: 'reports are being gathered' }
    return { kind: 'done', puts: await close(found, work) }
  }

  async function close(
    found: StoredMessage,
    { key, window, by }: Extract<ResultWork, { kind: 'close' }>,
  ): Promise<readonly SpoolItem<GroupNotifyWork>[]> {
    const { message } = found
    const now = clock.now()
    const windows = await spool.notes.update<Windows, Windows | undefined>(
      resultsNote(key),
      Math.max(1, message.until - now),
      (state) => {
        const next = closedBy(state ?? NO_WINDOWS, window, by)
        return { next: next ?? state, result: next }
      },
    )
    if (!windows) return []
    const notifications = toldIn(windows, window).map((result) => toNotification(found, result))
    return split(notifications, message.reports.maxBytes).map((some, part) =>
      notifyItem(
        key,
        `${window}.${part}`,
        { notifications: some, from: message.address, replyTo: message.replyTo },
        now,
      ),
    )
  }

  return { notified, handle }
}

/** Whether the sender is told of it: he asked, and policy allows (`IMDN-07`, `IMDN-12`). */
const isAsked = ({ message, reports }: GroupMessage, disposition: Disposition): boolean =>
  (reports.failures || !isFailure(disposition)) && notificationOf(message, disposition) !== undefined

function toNotification({ message, members }: StoredMessage, { who, disposition }: Result): DispositionNotification {
  const { messageId, sentAt, subject, recordRoute } = message.message
  const recipient = typeof who === 'number' ? members[who]?.uri : who
  return {
    messageId,
    sentAt,
    recipient: recipient ?? message.address,
    ...(subject === undefined ? {} : { subject }),
    ...(recordRoute === undefined ? {} : { route: recordRoute }),
    disposition,
  }
}

const LOST = failureDisposition('internal')

const isFailure = ({ kind, status }: Disposition): boolean =>
  kind === 'delivery' && (status === 'failed' || status === 'error')

/** Head of a part and its delimiter, octets, at most. */
const PART_BYTES = 140

/** In packs of so many octets, each of one at least. */
function split(
  notifications: readonly DispositionNotification[],
  maxBytes: number,
): readonly (readonly DispositionNotification[])[] {
  const packs: DispositionNotification[][] = []
  let left = 0
  for (const notification of notifications) {
    const bytes = Buffer.byteLength(buildImdn(notification)) + PART_BYTES
    if (bytes > left || packs.length === 0) {
      packs.push([])
      left = maxBytes
    }
    packs.at(-1)?.push(notification)
    left -= bytes
  }
  return packs
}
