import type { EndpointInfo, UserInfo } from '../../cpm/conference-info.js'
import type { Uri } from '../../cpm/ids.js'
import type { Media } from '../../msrp/sdp/description.js'
import type { Parcel } from './parcel.js'
import type { StreamKey } from './streams.js'

/** Somebody in a session, or being invited to it. */
export interface Participant {
  /** The one address of his account (`ID-15`). */
  readonly account: Uri
  /** All addresses known of him. */
  readonly addresses: readonly Uri[]
  /** How the others see him: his address, or a pseudonym (`GRP-GAP-04`). */
  readonly entity: Uri
  readonly isAnonymous: boolean
  readonly isOriginator: boolean
  readonly name?: string
  nickname?: string
  readonly endpoints: Set<Endpoint>
  /** Being invited; it can be taken back. */
  ringing?: { readonly withdraw: AbortController; status: 'dialing-out' | 'alerting' }
}

/** Why an endpoint leaves: as its device is told, and as the others are (RFC 4575 §5.5.3). */
export interface Leaving {
  readonly how: 'departed' | 'booted' | 'failed' | 'busy'
  readonly status?: number
  readonly text?: string
  /** The way to all members is lost, or the node stops: what is left of the session is kept. */
  readonly isCut?: true
}

/** One way a participant takes part: a SIP leg of a device, or the session of a service outside CPM. */
export interface Endpoint {
  readonly participant: Participant
  readonly entity: string
  /** +sip.instance, where known. */
  readonly device?: string
  /** Streams it uses. */
  keys(): ReadonlySet<StreamKey>
  /** Its own side of a stream that is not of messages, as it described it last. */
  section?(key: StreamKey): Media | undefined
  /** Gives it what another one has said, in its turn; never waits for it. */
  deliver(key: StreamKey, parcel: Parcel): void
  /** Somebody else has come or gone: for sides without participant information of their own. */
  told?(participant: Participant, event: 'joined' | 'left'): void
  info(): EndpointInfo
  /** Stops its media at once, then tells it (`GRP-REL-02`, `GRP-REL-03`). */
  end(leaving: Leaving): Promise<void>
}

/** What participant information says of him. `gone`: how the endpoint that is no longer in the set has left. */
export function userInfo(participant: Participant, gone: readonly EndpointInfo[] = []): UserInfo {
  const { entity, endpoints, ringing, name, nickname, isOriginator } = participant
  const displayText = nickname ?? name
  const invited: EndpointInfo[] = ringing
    ? [{ entity: `${entity};ep=0`, status: ringing.status, joining: 'dialed-out', media: [] }]
    : []
  return {
    entity,
    ...(displayText !== undefined && { displayText }),
    roles: [isOriginator ? 'chairman' : 'participant'],
    endpoints: [...[...endpoints].map((endpoint) => endpoint.info()), ...invited, ...gone],
  }
}

/** The information of an endpoint that has left. */
export function goneInfo(entity: string, { how, status, text }: Leaving): EndpointInfo {
  const reason = status === undefined ? undefined : `SIP;cause=${status};text="${(text ?? '').replace(/["\\]/g, '')}"`
  return { entity, status: 'disconnected', disconnection: how, media: [], ...(reason !== undefined && { reason }) }
}
