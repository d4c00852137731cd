import { parseWishes } from '../../cpm/caller-preferences.js'
import type { OutgoingCall, SessionPort } from '../../sip/session-port.js'
import { throughCore } from '../delivery.js'
import type { Device, PreferenceStore, Registrations } from '../port.js'
import { eligibleDevices } from './eligible.js'
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
    if (devices === 'unknown') return edge.invite({ ...toCore(call), excluded: unwanted }, onProgress, withdrawn)
    const { chosen, excluded } = eligibleDevices(devices, call, parseWishes(callerPreferences), unwanted)
    if (chosen.length === 0) {
      const said = devices.length === 0 ? `${user} has no registered device` : `no device of ${user} is fit for it`
      return { kind: 'away', said }
    }
    const direct = chosen.flatMap((device) => toDevice(call, device))
    const instances = excluded.flatMap(({ instance }) => instance ?? [])
    const calls = direct.length > 0 ? direct : [{ ...toCore(call), excluded: instances }]
    return ring(edge, calls, onProgress, withdrawn)
  }
}

const toCore = (call: UserCall): OutgoingCall => ({ ...call, destination: throughCore(call) })

/** Caller preferences have chosen the device; it gets none of its own. */
function toDevice(call: UserCall, { contact, flow, instance }: Device): readonly OutgoingCall[] {
  if (flow === undefined) return []
  const { user } = call
  const destination = { kind: 'device', user, contact, flow, ...(instance === undefined ? {} : { instance }) } as const
  return [{ ...call, destination }]
}
