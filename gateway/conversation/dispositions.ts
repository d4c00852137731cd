import type { ConversationPolicies } from '../config/preferences.js'
import type { Uri } from '../cpm/ids.js'
import type { CpmMessage, Disposition, DispositionNotification } from '../cpm/message.js'
import type { CpmRequestContent, Originator } from '../sip/port.js'
import type { NoteStore } from '../spool/spool.js'
import type { Delivery } from './delivery.js'
import type { Device, PreferenceStore, Registrations } from './port.js'

export interface DispositionsOptions {
  readonly notes: NoteStore
  readonly policies: ConversationPolicies['reports']
  readonly preferences: PreferenceStore
  readonly registrations: Pick<Registrations, 'devices'>
  /** A notification that goes no further. */
  readonly onDropped: (notification: DispositionNotification, why: Dropped) => void
}

/** repeated: it has been told already. early: other devices may still get the message. */
export type Dropped = 'forbidden' | 'repeated' | 'early'

/** A notification that may go on; `toSettle`: that it has gone is to be told to `settle`. */
export interface Passed {
  readonly kind: 'passed'
  readonly notification: DispositionNotification
  readonly toSettle: boolean
}

/** held: another device may have more to say; to be asked for again when the wait is over. */
export type Admitted = Passed | { readonly kind: 'dropped' | 'held' }

/** What the participating function knows of the notifications of its users (`IMDN-04`, `IMDN-05`, `IMDN-09`, `FLOW-23`, `FLOW-24`). */
export interface Dispositions {
  /** Remembers which of the sender's devices asks, if he has several, so that the notification finds it. */
  asked(message: CpmMessage, sender: Originator): Promise<void>
  /** The device that asked for what these notifications tell. */
  askedFrom(sender: Uri, content: CpmRequestContent): Promise<string | undefined>
  /** Remembers which devices of a recipient get copies of a message that asks for notifications. */
  copied(delivery: Delivery, devices: readonly Device[]): Promise<void>
  /** What goes out of a notification that a device of `recipient` makes: itself, what policy makes of it, or nothing. */
  admit(notification: DispositionNotification, recipient: Originator, hasWaited: boolean): Promise<Admitted>
  /** What was passed has gone on its way. Until then the same device may say it again: it has had no answer. */
  settle(notification: DispositionNotification, recipient: Originator): Promise<void>
}

/** A device with a copy; `name` is its +sip.instance, or its Contact. */
interface Copy {
  readonly name: string
  readonly q: number
}

/** What has been told of one kind about one message for one recipient. */
interface Told {
  /** The device that speaks for him, and whether its word has gone out. */
  readonly by?: { readonly device: string; readonly settled: boolean }
  /** Devices that have reported a failure. */
  readonly failed: readonly string[]
}

export function createDispositions(options: DispositionsOptions): Dispositions {
  const { notes, policies, preferences, registrations, onDropped } = options
  const lifeMs = policies.remember

  async function copiesOf(message: string, recipient: Originator): Promise<readonly Copy[]> {
    const found = await Promise.all(recipient.addresses.map((address) => notes.get(copiesKey(message, address))))
    const text = found.find((value) => value !== undefined)
    return text === undefined ? [] : (JSON.parse(text) as readonly Copy[])
  }

  async function permitted(
    notification: DispositionNotification,
    recipient: Uri,
  ): Promise<DispositionNotification | undefined> {
    const { delivered, displayed } = (await preferences.of(recipient)).reports
    const { disposition } = notification
    const isBarred = disposition.kind === 'display' ? !displayed : isPositive(disposition) && !delivered
    if (!isBarred) return notification
    return policies.forbidden ? { ...notification, disposition: forbidden(disposition) } : undefined
  }

  return {
    async asked({ messageId, dispositions }, { uri, device }) {
      if (dispositions.length === 0 || device === undefined || (await registrations.devices(uri)).length < 2) return
      await notes.put({ key: askedKey(uri, messageId), value: device, lifeMs })
    },
    async askedFrom(sender, content) {
      const [first] = content.kind === 'notifications' ? content.notifications : []
      return first && notes.get(askedKey(sender, first.messageId))
    },
    async copied({ user, content }, devices) {
      // With one device there is nothing to choose.
      if (content.kind !== 'message' || content.message.dispositions.length === 0 || devices.length < 2) return
      const copies = devices.map(({ instance, contact, q }): Copy => ({ name: instance ?? contact, q }))
      await notes.put({ key: copiesKey(content.message.messageId, user), value: JSON.stringify(copies), lifeMs })
    },
    async admit(received, recipient, hasWaited) {
      const [notification, copies] = await Promise.all([
        permitted(received, recipient.uri),
        copiesOf(received.messageId, recipient),
      ])
      if (!notification) {
        onDropped(received, 'forbidden')
        return { kind: 'dropped' }
      }
      // The one device that has it: there is nobody else to speak, and nothing to remember.
      if (copies.length === 0 && recipient.device !== undefined)
        return { kind: 'passed', notification, toSettle: false }
      const policy = hasWaited ? 'first' : policies.devices
      const verdict = await notes.update<Told, Verdict>(toldKey(notification, recipient), lifeMs, (state) =>
        weigh(state, notification.disposition, recipient.device ?? UNKNOWN, copies, policy),
      )
      if (verdict === 'passed') return { kind: 'passed', notification, toSettle: true }
      if (verdict === 'held') return { kind: 'held' }
      onDropped(received, verdict)
      return { kind: 'dropped' }
    },
    async settle(notification, recipient) {
      await notes.update<Told, void>(toldKey(notification, recipient), lifeMs, (state) => ({
        next: state?.by ? { ...state, by: { ...state.by, settled: true } } : state,
        result: undefined,
      }))
    },
  }
}

/** Stands for the device where an external core does not tell which it is. */
const UNKNOWN = 'unknown'

const copiesKey = (message: string, user: Uri): string => `copies|${message}|${user}`
const toldKey = ({ messageId, disposition }: DispositionNotification, { uri }: Originator): string =>
  `told|${messageId}|${uri}|${disposition.kind}`
const askedKey = (user: Uri, message: string): string => `ask|${user}|${message}`

const isPositive = ({ status }: Disposition): boolean => status !== 'failed' && status !== 'error'

function forbidden(disposition: Disposition): Disposition {
  return disposition.kind === 'interworking' ? disposition : { kind: disposition.kind, status: 'forbidden' }
}

type Verdict = 'passed' | 'held' | 'repeated' | 'early'

/**
 * Whether a device's notification goes out: the first good one does and no other; a bad one only once every device with a copy
 * has had none other. With `priority` a delivery is told by the device with the highest q; another one has to wait. Pure.
 */
function weigh(
  state: Told = { failed: [] },
  disposition: Disposition,
  device: string,
  copies: readonly Copy[],
  policy: 'first' | 'priority',
): { readonly next: Told; readonly result: Verdict } {
  const { by } = state
  if (by && (by.settled || by.device !== device)) return { next: state, result: 'repeated' }
  const passed = { next: { ...state, by: { device, settled: false } }, result: 'passed' } as const
  if (!isPositive(disposition)) {
    const name = device === UNKNOWN ? `${device} ${state.failed.length + 1}` : device
    const failed = [...new Set([...state.failed, name])]
    if (failed.length < copies.length) return { next: { ...state, failed }, result: 'early' }
    return { ...passed, next: { ...passed.next, failed } }
  }
  if (policy === 'first' || disposition.kind !== 'delivery') return passed
  const left = copies.filter(({ name }) => !state.failed.includes(name))
  const own = left.find(({ name }) => name === device)
  const isOutranked = own !== undefined && left.some(({ q }) => q > own.q)
  return isOutranked ? { next: state, result: 'held' } : passed
}
