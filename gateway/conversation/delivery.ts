import { parseWishes } from '../cpm/caller-preferences.js'
import type { Clock } from '../cpm/clock.js'
import { isPlainText } from '../cpm/encode.js'
import { type FailureReason, reasonForSipStatus } from '../cpm/failure.js'
import type { Uri } from '../cpm/ids.js'
import { answerFor } from '../interworking/acceptance.js'
import { octets } from '../interworking/selection.js'
import type {
  CallerPreferences,
  CpmRequestContent,
  NetworkHeaders,
  OutgoingMessage,
  SipAnswer,
  SipEdge,
  SipOutcome,
} from '../sip/port.js'
import { type Choice, chooseDevices } from './devices.js'
import type { Device, Registrations } from './port.js'

/** A request for a CPM user, not yet tied to a device. */
export interface Delivery {
  readonly user: Uri
  readonly content: CpmRequestContent
  readonly from: Uri
  readonly fromName?: string
  /** All addresses of the sender, where they are known; `from` alone otherwise. */
  readonly senders?: readonly Uri[]
  /** Only to this device if it is registered, else to all (a notification belongs to the device that asked, `FLOW-24`). */
  readonly device?: string
  readonly callerPreferences?: CallerPreferences
  /** Tail of the CPM service it is; default: a message. */
  readonly icsi?: string
  readonly maxForwards?: number
  /** The way back into the core the request came from. */
  readonly routes?: readonly string[]
  readonly icid?: string
  readonly networkHeaders?: NetworkHeaders
}

/**
 * delivered: one device at least has it. kept: it waits for the user, and will reach him or be reported. interworked: a service
 * has taken it. refused: for good, with the SIP status behind it. unavailable: nobody there took it, another time may.
 */
export type DeliveryOutcome =
  | { readonly kind: 'delivered' | 'kept' | 'interworked'; readonly said: string }
  | { readonly kind: 'refused'; readonly reason: FailureReason; readonly status: number; readonly said: string }
  | {
      readonly kind: 'unavailable'
      readonly reason: FailureReason
      readonly retryAfterMs?: number
      /** A device has registered while this was tried: the next attempt goes another way. */
      readonly registeredMeanwhile?: true
      readonly said: string
    }

export type Deliver = (delivery: Delivery) => Promise<DeliveryOutcome>

/** As Deliver, but to devices and nowhere else; `unwanted`: +sip.instance of devices that the user wants nothing sent to. */
export type ToDevices = (delivery: Delivery, unwanted: readonly string[]) => Promise<DeliveryOutcome>

export interface DeliveryOptions {
  readonly edge: Pick<SipEdge, 'send'>
  readonly registrations: Pick<Registrations, 'devices'>
  readonly clock: Clock
  /** Told before the copies leave: what devices report of them may come at once. */
  readonly onCopies: (delivery: Delivery, devices: readonly Device[]) => Promise<void>
}

/** A device that says nothing for so long does not hold up the answer to the sender, who waits no longer than 32 s. */
const DEVICES_WITHIN_MS = 15_000
/** A large message, whose sender does not wait, may take the time of a slow line: 20 kB/s. */
const OCTETS_PER_MS = 20
const LARGE_WITHIN_MS = 300_000

/**
 * The terminating participating function's way to the user: a copy to each of his devices that shall have it, or one to the
 * external core, which knows the way to them and is told which to leave out (`MSG-16`, `GRP-TERM-05`).
 */
export function createDelivery({ edge, registrations, clock, onCopies }: DeliveryOptions): ToDevices {
  return async (delivery, unwanted) => {
    const before = await registrations.devices(delivery.user)
    const outcome = await toEach(delivery, before, unwanted)
    if (outcome.kind !== 'unavailable' || before === 'unknown') return outcome
    const after = await registrations.devices(delivery.user)
    const fresh = after === 'unknown' ? [] : after.filter((device) => !before.some((known) => isSame(known, device)))
    if (fresh.length === 0) return outcome
    const again = await toEach(delivery, fresh, unwanted)
    return again.kind === 'unavailable' ? { ...again, registeredMeanwhile: true } : again
  }

  async function toEach(
    delivery: Delivery,
    devices: readonly Device[] | 'unknown',
    unwanted: readonly string[],
  ): Promise<DeliveryOutcome> {
    const destination = throughCore(delivery)
    if (devices === 'unknown') return within(delivery, copy({ destination, excluded: unwanted }, delivery))
    const choice = chooseDevices(devices, parseWishes(delivery.callerPreferences ?? {}), unwanted)
    const { chosen, excluded, asIm } = forDevice(choice, delivery.device)
    if (chosen.length === 0) return nobody(delivery.user, devices)
    await onCopies(delivery, chosen)
    const direct = chosen.flatMap((device) => directly(delivery.user, device))
    const copies: readonly Partial<OutgoingMessage>[] =
      direct.length > 0
        ? direct.map((destination) => ({ destination }))
        : [{ destination, excluded: excluded.flatMap(({ instance }) => instance ?? []) }]
    const outcomes = copies.map((each) => copy({ ...each, ...(asIm ? { asIm } : {}) }, delivery))
    return within(delivery, firstDelivered(outcomes))
  }

  async function copy(how: Partial<OutgoingMessage>, delivery: Delivery): Promise<DeliveryOutcome> {
    const { content, from, fromName, senders, maxForwards, callerPreferences, icsi, icid, networkHeaders } = delivery
    const outgoing: OutgoingMessage = {
      destination: throughCore(delivery),
      ...how,
      content,
      from,
      ...(fromName === undefined ? {} : { fromName }),
      ...(senders === undefined ? {} : { identities: senders }),
      ...(maxForwards === undefined ? {} : { maxForwards }),
      ...(callerPreferences === undefined ? {} : { callerPreferences }),
      ...(icsi === undefined ? {} : { icsi }),
      ...(icid === undefined ? {} : { icid }),
      ...(networkHeaders === undefined ? {} : { networkHeaders }),
    }
    const outcome = await edge.send(outgoing)
    const isAskedAsText =
      outcome.kind === 'answered' &&
      outcome.status === 415 &&
      content.kind === 'message' &&
      isPlainText(content.message)
    return judge(isAskedAsText ? await edge.send({ ...outgoing, asText: true }) : outcome)
  }

  function within({ content }: Delivery, outcome: Promise<DeliveryOutcome>): Promise<DeliveryOutcome> {
    const size = content.kind === 'message' ? octets(content.message.content) : 0
    const withinMs = DEVICES_WITHIN_MS + Math.min(size / OCTETS_PER_MS, LARGE_WITHIN_MS)
    return new Promise((resolve, reject) => {
      const cancel = clock.after(withinMs, () =>
        resolve({ kind: 'unavailable', reason: 'timeout', said: 'no device has answered in time' }),
      )
      outcome.then(resolve, reject).finally(cancel)
    })
  }
}

/** The way to a user of an external core. */
export const throughCore = ({ user, routes = [] }: Pick<Delivery, 'user' | 'routes'>) =>
  ({ kind: 'core', user, ...(routes.length > 0 ? { routes } : {}) }) as const

function directly(user: Uri, { contact, flow, instance }: Device) {
  if (flow === undefined) return []
  return [{ kind: 'device', user, contact, flow, ...(instance === undefined ? {} : { instance }) } as const]
}

function forDevice(choice: Choice, device: string | undefined): Choice {
  const asked = choice.chosen.filter(({ instance }) => instance !== undefined && instance === device)
  if (asked.length === 0) return choice
  const others = choice.chosen.filter((each) => !asked.includes(each))
  return { ...choice, chosen: asked, excluded: [...choice.excluded, ...others] }
}

function nobody(user: Uri, devices: readonly Device[]): DeliveryOutcome {
  const said = devices.length === 0 ? `${user} has no registered device` : `no device of ${user} is to have it`
  return { kind: 'unavailable', reason: 'recipient-unavailable', said }
}

const isSame = (one: Device, other: Device): boolean =>
  one.contact === other.contact && one.expiresAt === other.expiresAt

/** Statuses after which the same request may succeed later (RFC 3261 §21, by their meaning for a stored message). */
const PASSING = new Set([408, 430, 480, 486, 491, 500, 502, 503, 504, 600])

export function judge(outcome: SipOutcome): DeliveryOutcome {
  if (outcome.kind !== 'answered')
    return {
      kind: 'unavailable',
      reason: outcome.kind === 'silent' ? 'timeout' : 'unreachable-network',
      said: outcome.said,
    }
  const { status, said, retryAfterSeconds } = outcome
  if (status < 300) return { kind: 'delivered', said }
  const reason = reasonForSipStatus(status)
  if (!PASSING.has(status)) return { kind: 'refused', reason, status, said }
  return {
    kind: 'unavailable',
    reason,
    said,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterMs: retryAfterSeconds * 1000 }),
  }
}

/** The first copy delivered, whatever becomes of the others, which are under way all the same; without any, the best of all. */
function firstDelivered(copies: readonly Promise<DeliveryOutcome>[]): Promise<DeliveryOutcome> {
  return new Promise((resolve, reject) => {
    for (const copy of copies) {
      copy.then((outcome) => {
        if (outcome.kind === 'delivered') resolve(outcome)
      }, reject)
    }
    Promise.all(copies).then((outcomes) => resolve(best(outcomes)), reject)
  })
}

/** One copy delivered is enough (`FLOW-07b`); while a device may still take it, it is not refused. */
function best(outcomes: readonly DeliveryOutcome[]): DeliveryOutcome {
  const found =
    outcomes.find(({ kind }) => kind === 'delivered') ??
    outcomes.find(({ kind }) => kind === 'unavailable') ??
    outcomes[0]
  return found ?? { kind: 'unavailable', reason: 'recipient-unavailable', said: 'no device' }
}

/** What a device said is what the sender hears (`MSG-18`, `IW-02`); what is not yet delivered is accepted. */
export function toSip(outcome: DeliveryOutcome): SipAnswer {
  switch (outcome.kind) {
    case 'delivered':
      return { status: 200 }
    case 'kept':
    case 'interworked':
      return { status: 202 }
    case 'refused':
      return { status: outcome.status, warning: outcome.said }
    case 'unavailable':
      return answerFor(outcome.reason, outcome.said)
  }
}
