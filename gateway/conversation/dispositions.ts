import type { ConversationPolicies } from '../config/preferences.js'
import type { Uri } from '../cpm/ids.js'
import type { CpmMessage, Disposition, DispositionNotification } from '../cpm/message.js'
import type { CpmRequestContent, Originator } from '../sip/port.js'
import type { NoteStore } from '../spool/spool.js'
import type { Delivery } from './delivery.js'
import type { Device, PreferenceStore } from './port.js'

export interface DispositionsOptions {
  readonly notes: NoteStore
  readonly policies: ConversationPolicies['reports']
  readonly preferences: PreferenceStore
  /** A notification that goes no further. */
  readonly onDropped: (notification: DispositionNotification, why: Dropped) => void
}

/** repeated: another device has spoken already. early: others may still get it. outranked: another device speaks. */
export type Dropped = 'forbidden' | 'repeated' | 'early' | 'outranked'

/** What the participating function knows of the notifications of its users (`IMDN-04`, `IMDN-05`, `IMDN-09`, `FLOW-23`, `FLOW-24`). */
export interface Dispositions {
  /** Remembers which of the sender's devices asks, so that the notification finds it. */
  asked(message: CpmMessage, sender: Originator): Promise<void>
  /** The device that asked for what these notifications tell. */
  askedFrom(sender: Uri, content: CpmRequestContent): Promise<string | undefined>
  /** Remembers which devices of a recipient get copies of a message that asks for notifications. */
  copied(delivery: Delivery, devices: readonly Device[]): Promise<void>
  /** What goes out of a notification that a device of `recipient` makes: itself, what policy makes of it, or nothing. */
  admit(notification: DispositionNotification, recipient: Originator): Promise<DispositionNotification | undefined>
}

/** A device with a copy; `name` is its +sip.instance, or its Contact. */
interface Copy {
  readonly name: string
  readonly q: number
}

/** What has been told of one kind about one message for one recipient. */
interface Told {
  readonly told: boolean
  /** Devices that have reported a failure. */
  readonly failed: readonly string[]
}

export function createDispositions({ notes, policies, preferences, onDropped }: DispositionsOptions): Dispositions {
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
      if (dispositions.length === 0 || device === undefined) return
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
    async admit(received, recipient) {
      const notification = await permitted(received, recipient.uri)
      if (!notification) {
        onDropped(received, 'forbidden')
        return undefined
      }
      const { messageId, disposition } = notification
      const copies = await copiesOf(messageId, recipient)
      const why = await notes.update<Told, Dropped | undefined>(
        `told|${messageId}|${recipient.uri}|${disposition.kind}`,
        lifeMs,
        (state) => weigh(state, disposition, recipient.device, copies, policies.devices),
      )
      if (why === undefined) return notification
      onDropped(received, why)
      return undefined
    },
  }
}

const copiesKey = (message: string, user: Uri): string => `copies|${message}|${user}`
const askedKey = (user: Uri, message: string): string => `ask|${user}|${message}`

const isPositive = ({ status }: Disposition): boolean => status !== 'failed' && status !== 'error'

function forbidden(disposition: Disposition): Disposition {
  return disposition.kind === 'interworking' ? disposition : { kind: disposition.kind, status: 'forbidden' }
}

/**
 * Whether a device's notification goes out: the first good one does and no other; a bad one only once every device with a copy
 * has had none other. With `priority` the device with the highest q speaks, the next one when it has failed. Pure.
 */
export function weigh(
  state: Told = { told: false, failed: [] },
  disposition: Disposition,
  device: string | undefined,
  copies: readonly Copy[],
  policy: 'first' | 'priority',
): { readonly next: Told; readonly result: Dropped | undefined } {
  if (state.told) return { next: state, result: 'repeated' }
  const told = { next: { ...state, told: true }, result: undefined }
  if (!isPositive(disposition)) {
    const failed = [...new Set([...state.failed, device ?? `device ${state.failed.length + 1}`])]
    return failed.length >= copies.length ? told : { next: { ...state, failed }, result: 'early' }
  }
  if (policy === 'first' || device === undefined) return told
  const left = copies.filter(({ name }) => !state.failed.includes(name))
  const highest = Math.max(...left.map(({ q }) => q))
  const own = left.find(({ name }) => name === device)
  return own === undefined || own.q >= highest ? told : { next: state, result: 'outranked' }
}
