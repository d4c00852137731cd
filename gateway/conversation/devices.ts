import { type CallerWishes, isWanted } from '../cpm/caller-preferences.js'
import { type Features, hasIcsi, ICSI } from '../cpm/features.js'
import type { Device } from './port.js'

const SERVICES = '+g.3gpp.icsi-ref'
const INSTANCE = '+sip.instance'
const SIMPLE_IM = '+g.oma.sip-im'

/** Devices of one user that shall get a request, and those that shall not. */
export interface Choice {
  readonly chosen: readonly Device[]
  readonly excluded: readonly Device[]
  /** They are IM clients and no CPM clients: the request goes to them as an IM message (`CIM-07`). */
  readonly asIm: boolean
}

/**
 * Which devices get a message (`GRP-TERM-02`, `REG-07` to `REG-09`): those that the sender wants (RFC 3841) and the user has not
 * excluded, and that declare the CPM message service. Where none of his devices says which services it has, all do; where
 * none has this one, those that are IM clients get it as an IM message (`CIM-06` to `CIM-09`).
 */
export function chooseDevices(devices: readonly Device[], wishes: CallerWishes, unwanted: readonly string[]): Choice {
  // Whether a device has the service is judged below; the client's own `explicit` would leave out those that say nothing.
  const others = { ...wishes, accept: wishes.accept.filter((predicate) => !hasIcsi(predicate, ICSI.message)) }
  const left = new Set(unwanted.map((instance) => instance.toLowerCase()))
  const allowed = devices.filter(
    (device) => !left.has(device.instance?.toLowerCase() ?? '') && isWanted(featuresOf(device), others),
  )
  const { fit, asIm } = withService(devices, allowed)
  return { chosen: fit, excluded: devices.filter((device) => !fit.includes(device)), asIm }
}

function withService(devices: readonly Device[], allowed: readonly Device[]) {
  const capable = allowed.filter(({ features }) => hasIcsi(features, ICSI.message))
  if (capable.length > 0) return { fit: capable, asIm: false }
  const isCapable = (features: Features) => SERVICES in features || SIMPLE_IM in features
  if (!devices.some(({ features }) => isCapable(features))) return { fit: allowed, asIm: false }
  return { fit: allowed.filter(({ features }) => SIMPLE_IM in features), asIm: true }
}

const featuresOf = ({ features, instance }: Device): Features =>
  instance === undefined ? features : { ...features, [INSTANCE]: `<${instance}>` }
