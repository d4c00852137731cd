import { type CallerWishes, isWanted } from '../../cpm/caller-preferences.js'
import { type Features, hasIcsi, ICSI } from '../../cpm/features.js'
import type { Device } from '../port.js'

/** Media feature tags (RFC 3840 §10, RFC 4569). */
const MEDIA = ['audio', 'video', 'text', 'application', 'data', 'message'] as const
const SERVICES = '+g.3gpp.icsi-ref'
/** Services whose devices are as good: a group session, or a file, is a session to a device. */
const LIKE: Readonly<Record<string, readonly string[]>> = {
  [ICSI.groupSession]: [ICSI.session],
  [ICSI.fileTransfer]: [ICSI.session],
  [ICSI.groupFileTransfer]: [ICSI.session, ICSI.fileTransfer],
  [ICSI.largeMessage]: [ICSI.message],
  [ICSI.groupLargeMessage]: [ICSI.message, ICSI.largeMessage],
}

export interface Eligible {
  readonly chosen: readonly Device[]
  readonly excluded: readonly Device[]
}

/**
 * Which devices are invited (`GRP-TERM-02`): those that the inviter wants and the user has not excluded, that declare the
 * service, and one at least of the offered kinds of media. Where no device says what it can, all are.
 */
export function eligibleDevices(
  devices: readonly Device[],
  offer: { readonly icsi: string; readonly kinds: readonly string[] },
  wishes: CallerWishes,
  unwanted: readonly string[],
): Eligible {
  const services = [offer.icsi, ...(LIKE[offer.icsi] ?? [])]
  const others = {
    ...wishes,
    accept: wishes.accept.filter((predicate) => !services.some((service) => hasIcsi(predicate, service))),
  }
  const left = new Set(unwanted.map((instance) => instance.toLowerCase()))
  const says = devices.some(({ features }) => SERVICES in features || MEDIA.some((tag) => tag in features))
  const fits = ({ features, instance }: Device): boolean => {
    if (instance !== undefined && left.has(instance.toLowerCase())) return false
    if (!isWanted(instance === undefined ? features : { ...features, '+sip.instance': `<${instance}>` }, others))
      return false
    if (!says) return true
    if (SERVICES in features && !services.some((service) => hasIcsi(features, service))) return false
    return offer.kinds.some((kind) => kindsOf(features).includes(kind))
  }
  const chosen = devices.filter(fits)
  return { chosen, excluded: devices.filter((device) => !chosen.includes(device)) }
}

/** A device with a CPM service takes messages, whatever else it says. */
const kindsOf = (features: Features): readonly string[] => [
  ...MEDIA.filter((tag) => tag in features),
  ...(SERVICES in features ? ['message'] : []),
]
