import { parseWishes } from '../../cpm/caller-preferences.js'
import type { OutgoingCall, SessionPort } from '../../sip/session-port.js'
import { throughCore } from '../delivery.js'
import type { Device, PreferenceStore, Registrations } from '../port.js'
import { eligibleDevices } from './eligible.js'
import { takesFirstMessage } from './first-message.js'
import type { InviteUser, UserCall } from './port.js'
import { ring } from './ring.js'

export interface InviteUserOptions {
  readonly edge: Pick<SessionPort, 'invite'>
  readonly registrations: Pick<Registrations, 'devices'>
  readonly preferences: PreferenceStore
}

/** The terminating participating function's way to the user; see InviteUser. */
export function createInviteUser({ edge, registrations, preferences }: InviteUserOptions): InviteUser {
  return async (call, onProgress, withdrawn) => {
    const { user, from, addresses = [from], callerPreferences = {} } = call
    const { blocks, excluded: unwanted } = await preferences.of(user)
    // SESS-11: a refusal is final, and nobody else is asked instead.
    if (blocks(addresses)) return { kind: 'refused', status: 603, reason: 'Decline' }
    const devices = await registrations.devices(user)
    if (devices === 'unknown') return edge.invite({ ...toCore(call, []), excluded: unwanted }, onProgress, withdrawn)
    const { chosen, excluded } = eligibleDevices(devices, call, parseWishes(callerPreferences), unwanted)
    if (chosen.length === 0) {
      const said = devices.length === 0 ? `${user} has no registered device` : `no device of ${user} is fit for it`
      return { kind: 'away', said }
    }
    const direct = chosen.flatMap((device) => toDevice(call, device))
    const instances = excluded.flatMap(({ instance }) => instance ?? [])
    const calls = direct.length > 0 ? direct : [{ ...toCore(call, chosen), excluded: instances }]
    return ring(edge, calls, onProgress, withdrawn)
  }
}

/** A core that forks gives all devices the same; each has to take what is in it. */
function toCore({ firstMessage, ...call }: UserCall, devices: readonly Device[]): OutgoingCall {
  const isTaken = (text: string): boolean =>
    devices.length > 0 && devices.every(({ features }) => takesFirstMessage(features, text))
  const beside = firstMessage !== undefined && isTaken(firstMessage) && { firstMessage }
  return { ...call, destination: throughCore(call), ...beside }
}

/** Caller preferences have chosen the device; it gets none of its own. */
function toDevice({ firstMessage, ...call }: UserCall, device: Device): readonly OutgoingCall[] {
  const { contact, flow, instance, features } = device
  if (flow === undefined) return []
  const { user } = call
  const destination = { kind: 'device', user, contact, flow, ...(instance === undefined ? {} : { instance }) } as const
  const isTaken = firstMessage !== undefined && takesFirstMessage(features, firstMessage)
  return [{ ...call, destination, ...(isTaken && { firstMessage }) }]
}
