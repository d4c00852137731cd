import { type FailureReason, reasonForSipStatus, sipAnswerFor } from '../cpm/failure.js'
import type { Uri } from '../cpm/ids.js'
import type { CpmMessage } from '../cpm/message.js'
import type { Offered } from '../interworking/acceptance.js'
import type { Deliver, Delivery, DeliveryOutcome, ToDevices } from './delivery.js'
import type { Dispositions } from './dispositions.js'
import type { DeferredMessaging, PreferenceStore, Preferences, Registrations } from './port.js'

export interface TerminatingOptions {
  readonly toDevices: ToDevices
  readonly preferences: PreferenceStore
  readonly registrations: Pick<Registrations, 'devices'>
  readonly deferred: () => Pick<DeferredMessaging, 'keep' | 'hasWaiting'>
  readonly dispositions: Pick<Dispositions, 'askedFrom'>
  /** Hands the message to the ISF with what the recipient says of services (`IW-12`). */
  readonly interwork: (delivery: Delivery, message: CpmMessage, services: Preferences['services']) => Promise<Offered>
}

type Unavailable = DeliveryOutcome & { kind: 'unavailable' }

const ABSENT: Unavailable = {
  kind: 'unavailable',
  reason: 'recipient-unavailable',
  said: 'he has no registered device',
}

/**
 * The terminating participating function (`MSG-15`, `MSG-16`): what the recipient refuses, then his devices, then what he and
 * the provider want done while none of them can be reached (`DEF-05`, `IW-11`, `CPM-CONV-001`, `CPM-CONV-002`).
 */
export function createTerminating(options: TerminatingOptions): Deliver {
  const { toDevices, preferences: store, registrations, dispositions, interwork } = options

  async function message(delivery: Delivery, message: CpmMessage): Promise<DeliveryOutcome> {
    const { user } = delivery
    const [preferences, hasWaiting] = await Promise.all([store.of(user), options.deferred().hasWaiting(user)])
    // IW-10: a refusal is final, and nobody else carries the message instead.
    if (preferences.blocks(delivery.senders ?? [delivery.from])) {
      return {
        kind: 'refused',
        reason: 'refused-by-recipient',
        status: 603,
        said: 'the recipient takes nothing from him',
      }
    }
    // DEF-09: a new one queues behind those that wait to be pushed, or the order is lost; while he is away it need not.
    if (hasWaiting && preferences.waiting === 'push') {
      return (await mayBeThere(user))
        ? keepFor(options.deferred(), delivery, 'defer')
        : away(delivery, message, preferences, ABSENT)
    }
    const outcome = await toDevices(delivery, preferences.excluded)
    return outcome.kind === 'unavailable' ? away(delivery, message, preferences, outcome) : outcome
  }

  async function mayBeThere(user: Uri): Promise<boolean> {
    const devices = await registrations.devices(user)
    return devices === 'unknown' || devices.length > 0
  }

  function away(
    delivery: Delivery,
    message: CpmMessage,
    preferences: Preferences,
    outcome: Unavailable,
  ): DeliveryOutcome | Promise<DeliveryOutcome> {
    switch (preferences.unavailable) {
      case 'discard':
        return discarded(outcome)
      case 'defer':
      case 'store':
        return keepFor(options.deferred(), delivery, preferences.unavailable)
      case 'interwork':
        return elsewhere(delivery, message, preferences)
    }
  }

  async function elsewhere(
    delivery: Delivery,
    message: CpmMessage,
    { services }: Preferences,
  ): Promise<DeliveryOutcome> {
    const offered = await interwork(delivery, message, services)
    if (offered.kind === 'unfit') return nowhere(offered.reason)
    const { status, warning = '' } = offered.answer
    const said = `${status} ${warning}`.trimEnd()
    if (status < 300) return { kind: 'interworked', said }
    const reason = reasonForSipStatus(status)
    // The store is away: nothing has been decided.
    return status === 503 ? { kind: 'unavailable', reason, said } : { kind: 'refused', reason, status, said }
  }

  /** A notification goes to the device that asked, by preference to all; it is nothing to defer or to interwork (`FLOW-24`). */
  async function notifications(delivery: Delivery): Promise<DeliveryOutcome> {
    const { user, content, device: named, ...rest } = delivery
    const [{ copies, excluded }, device] = await Promise.all([
      store.of(user),
      named ?? dispositions.askedFrom(user, content),
    ])
    return toDevices({ ...rest, user, content, ...(copies || device === undefined ? {} : { device }) }, excluded)
  }

  return (delivery) =>
    delivery.content.kind === 'message' ? message(delivery, delivery.content.message) : notifications(delivery)
}

/** In the user's box, until a device of his takes it. */
export async function keepFor(
  deferred: Pick<DeferredMessaging, 'keep'>,
  { user, content, from, fromName }: Delivery,
  how: 'defer' | 'store',
): Promise<DeliveryOutcome> {
  if (content.kind !== 'message') return refused('internal', 'notifications are not kept')
  const named = fromName === undefined ? {} : { fromName }
  const kept = await deferred.keep({ user, message: content.message, from, ...named }, how)
  if (kept.kind === 'kept') return { kind: 'kept', said: `kept for ${user}` }
  return refused(kept.reason, 'no more can be kept for the user')
}

const refused = (reason: FailureReason, said: string): DeliveryOutcome => ({
  kind: 'refused',
  reason,
  status: sipAnswerFor(reason).status,
  said,
})

/**
 * No service can carry it: he is away, and that is all. Another answer would tell the sender's network that there is no CPM here,
 * and send the message to services that he does not want; but who lacks an address in them hears so (`IW-07`).
 */
const nowhere = (reason: FailureReason): DeliveryOutcome =>
  reason === 'no-originator-address'
    ? refused(reason, 'no address in target service')
    : refused('recipient-unavailable', `no service can carry it: ${reason}`)

/** Nothing is kept: the sender hears of it now (`CPM-CONV-002`). */
const discarded = ({ said }: Unavailable): DeliveryOutcome => refused('recipient-unavailable', said)
