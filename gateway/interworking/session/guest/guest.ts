import type {
  InboundMessage,
  SessionAnswer,
  SessionMessage,
  SessionSaid,
  SessionSide,
} from '../../../../adapters/contract/index.js'
import type { SessionInterworkingConfig } from '../../../config/session-interworking.js'
import type { Clock } from '../../../cpm/clock.js'
import { stableId } from '../../../cpm/identity.js'
import type { MessageId } from '../../../cpm/ids.js'
import type { DispositionNotification } from '../../../cpm/message.js'
import type { PendingAnswers } from '../../pending-answers.js'
import type { Service } from '../../service.js'
import { refused } from '../port.js'
import type { KeptLines } from './kept.js'
import { type GuestMail, plainText } from './mail.js'
import type { GuestRecord } from './record.js'
import { createGuestReports } from './reports.js'
import { createTelling } from './telling.js'
import { fill, languagesFor, type TextName, textsOf } from './texts.js'
import { textOf, understand } from './understand.js'

export interface GuestContext {
  readonly service: Service
  readonly policies: SessionInterworkingConfig
  readonly mail: GuestMail
  readonly kept: KeptLines
  readonly pending: PendingAnswers
  readonly clock: Clock
  /** Keeps the record, and the number with it. */
  readonly keep: (record: GuestRecord) => Promise<void>
  /** He is no guest any more; called once. */
  readonly over: (record: GuestRecord) => Promise<void>
  readonly onError: (error: unknown) => void
}

/** Asks him by a message, until `until`; `ringing` once it is on its way. */
export interface Question {
  readonly text: string
  readonly until: number
  readonly withdrawn: AbortSignal
  readonly ringing: () => void
}

/** One user of a service without sessions, as a party of a session (`SLS-01`, `SLS-03`, `SLS-04`). */
export interface Guest {
  /** He, as the session sees him. */
  readonly side: SessionSide
  ask(ours: SessionSide, question: Question): Promise<SessionAnswer>
  /** He takes part from now on, and is told so. */
  admit(ours: SessionSide, text: string): Promise<void>
  /** He does not take part after all. */
  dismiss(said: TextName | undefined): Promise<void>
  heard(message: InboundMessage): Promise<void>
  notified(notification: DispositionNotification): void
  /** The node ends. */
  stop(): Promise<void>
}

/** Texts at most about what he did wrong, or asked: an automatic answer must not go on for ever. */
const NOTICES = 3

export function createGuest(context: GuestContext, first: GuestRecord): Guest {
  const { service, policies, mail, pending, clock, onError } = context
  const texts = textsOf(policies, first.language)
  const reports = createGuestReports(service, first.participant)
  const me = { address: first.participant }
  let record = first
  let ours: SessionSide | undefined
  let settle: ((answer: SessionAnswer) => void) | undefined
  let letter: MessageId | undefined
  let notices = NOTICES
  let confused = false
  /** Something has been said since he joined: until then a yes is the answer once more. */
  let talked = false
  let lastAt = clock.now()
  let cancel: () => void = () => {}

  const telling = createTelling(context, first, texts, reports)

  const tell = (name: TextName): Promise<MessageId> =>
    mail.send(record, { content: plainText(fill(texts, name, { inviter: record.inviter })) })

  async function notice(name: TextName): Promise<void> {
    if (notices-- > 0) await tell(name)
  }

  /** The answer to the invitation, given once. */
  function decide(answer: SessionAnswer): void {
    settle?.(answer)
    settle = undefined
  }

  async function conclude(said: TextName | undefined): Promise<void> {
    if (record.phase === 'over') return
    record = { ...record, phase: 'over' }
    cancel()
    await telling.flush().catch(onError)
    telling.close()
    if (said) await tell(said).catch(onError)
    await context.over(record)
  }

  /** No session for him: the inviter hears why, and he what there is to say. */
  function decline(answer: SessionAnswer, said?: TextName): Promise<void> {
    decide(answer)
    return conclude(said)
  }

  async function join(): Promise<boolean> {
    const joined = { ...record, phase: 'joined' } as const
    await context.keep(joined)
    // The inviter may have gone meanwhile.
    if (record.phase !== 'asked') return false
    record = joined
    cancel()
    lastAt = clock.now()
    cancel = clock.after(policies.silence, () => void atSilence().catch(onError))
    return true
  }

  async function atSilence(): Promise<void> {
    const quiet = clock.now() - lastAt
    if (quiet >= policies.silence) return leave('silent')
    cancel = clock.after(policies.silence - quiet, () => void atSilence().catch(onError))
    await context.keep(record)
  }

  /** He goes first: that the session is over for him then, too, he need not hear. */
  async function leave(said: TextName): Promise<void> {
    await Promise.all([conclude(said), ours?.leave()])
  }

  async function answered(text: string): Promise<void> {
    switch (understand(text, languagesFor(policies, record.language))) {
      case 'yes':
        if (!(await join())) return
        decide({ kind: 'accepted', side })
        await tell('joined')
        return
      case 'no':
      case 'leave':
        return decline(refused('refused-by-recipient', 'he has declined'))
      case 'help':
        return notice('notUnderstood')
      case undefined:
        if (!confused) await tell('notUnderstood')
        confused = true
    }
  }

  async function speak(message: InboundMessage): Promise<void> {
    lastAt = clock.now()
    talked = true
    const messageId = stableId(`${record.session} ${message.id}`) as MessageId
    reports.heard(messageId, message)
    const wanted = message.wantsReport
    const said = await ours?.say({
      messageId,
      from: me,
      content: message.content,
      sentAt: message.sentAt ?? lastAt,
      reports: { delivered: wanted, failed: wanted, displayed: wanted },
    })
    if (said?.kind === 'refused') await notice('undelivered')
  }

  /** While he takes part only a word that stands alone is for us, in his language or in that of all networks. */
  async function discussed(message: InboundMessage): Promise<void> {
    const meaning = understand(textOf(message.content), [texts, textsOf(policies, 'en')])
    if (meaning === 'leave') return leave('left')
    if (meaning === 'yes' && !talked) return
    return meaning === 'help' ? notice('helpInside') : speak(message)
  }

  async function say(message: SessionMessage): Promise<SessionSaid> {
    if (record.phase !== 'joined') return { kind: 'refused', reason: 'recipient-gone', said: 'he has left' }
    lastAt = clock.now()
    talked = true
    return telling.say(message)
  }

  const side: SessionSide = {
    say,
    // A phone shows neither who writes nor who comes and goes, and each would cost a message.
    composing: () => undefined,
    joined: () => undefined,
    left: () => undefined,
    report: (messageId, _from, state) => void reports.told(messageId, state).catch(onError),
    leave: () => decline(refused('deleted', 'the session is over'), record.phase === 'asked' ? 'withdrawn' : 'ended'),
  }

  return {
    side,
    async ask(given, { text, until, withdrawn, ringing }) {
      ours = given
      const answer = new Promise<SessionAnswer>((resolve) => {
        settle = resolve
      })
      const held = { release: () => {} }
      const hold = (itemId: string): void => {
        const waiting = pending.hold(itemId, Math.max(0, until - clock.now()))
        held.release = waiting.release
        void waiting.answer.then((how) => {
          if (how.kind === 'failed') return decline(refused(how.reason, how.said))
          return undefined
        }, onError)
      }
      cancel = clock.after(Math.max(0, until - clock.now()), () => {
        // In a group a late yes still counts.
        void decline(refused('expired', 'no answer in time'), record.group ? undefined : 'withdrawn').catch(onError)
      })
      const withdraw = (): void => {
        if (settle) void decline(refused('deleted', 'withdrawn'), 'withdrawn').catch(onError)
      }
      withdrawn.addEventListener('abort', withdraw, { once: true })
      void answer.then(() => {
        withdrawn.removeEventListener('abort', withdraw)
        held.release()
      })
      letter = await mail
        .send(record, { content: plainText(text), dispositions: ['negative-delivery'] }, hold)
        .catch(async (error: unknown) => {
          await decline(refused('service-unavailable', 'the invitation could not be stored'))
          throw error
        })
      ringing()
      return answer
    },
    async admit(given, text) {
      ours = given
      if (!(await join())) return
      await mail.send(record, { content: plainText(text) }).catch(async (error: unknown) => {
        await conclude(undefined)
        throw error
      })
    },
    dismiss: conclude,
    async heard(message) {
      if (record.phase === 'asked') return answered(textOf(message.content))
      if (record.phase === 'joined') return discussed(message)
    },
    notified(notification) {
      const { disposition } = notification
      const lost = disposition.kind === 'delivery' && disposition.status !== 'delivered'
      if (notification.messageId !== letter) return void (ours && reports.notified(notification, ours))
      if (lost) void decline(refused('recipient-unavailable', 'the invitation was not delivered')).catch(onError)
    },
    async stop() {
      if (record.phase === 'joined') return leave('ended')
      await decline(refused('service-unavailable', 'the gateway is stopping'), 'withdrawn')
    },
  }
}
