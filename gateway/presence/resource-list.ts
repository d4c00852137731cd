import type { WatchState } from '../../adapters/contract/presence.js'
import type { Uri } from '../cpm/ids.js'
import { buildPidf, PIDF_TYPE } from '../cpm/pidf.js'
import { buildListState, type ListedResource } from '../cpm/rlmi.js'
import type { PackageBody } from '../events/package.js'
import type { PresenceDocuments } from './port.js'

/** A list that a user may subscribe to as one (RFC 4662): his own, by the address he gave it. */
export interface PresenceList {
  /** Under which its subscriptions are kept: two users may give one address to lists of theirs. */
  readonly resource: Uri
  readonly owner: Uri
  readonly uri: Uri
}

/** Members told of; those behind them are left out. */
const MAX_MEMBERS = 100
/** Characters of all documents of one notification: what fits a SIP message. Members beyond are told without. */
const MAX_BODY = 40_000

export const listOf = (owner: Uri, uri: Uri): PresenceList => ({ owner, uri, resource: `${owner} ${uri}` as Uri })

/** Undefined when the resource of a subscription is none. */
export function parseList(resource: Uri): PresenceList | undefined {
  const [owner, uri] = resource.split(' ')
  return owner === undefined || uri === undefined ? undefined : listOf(owner as Uri, uri as Uri)
}

/** Undefined when he has no such list. Rejects with SpoolUnavailable. */
export async function membersOf(
  { owner, uri }: PresenceList,
  documents: PresenceDocuments,
): Promise<readonly Uri[] | undefined> {
  const services = await documents.services(owner)
  const service = services.find((each) => each.uri === uri && (each.packages?.includes('presence') ?? true))
  if (!service) return undefined
  const members =
    'list' in service.members ? ((await documents.lists(owner)).get(service.members.list) ?? []) : service.members
  return members.slice(0, MAX_MEMBERS)
}

/** What the owner of a list is told of these members of it (RFC 4662 §5). */
export function listBody(
  { uri }: PresenceList,
  version: number,
  full: boolean,
  members: readonly { readonly uri: Uri; readonly state: WatchState | undefined }[],
): PackageBody {
  let room = MAX_BODY
  const resources = members.map((member): ListedResource => {
    const listed = listedResource(member.uri, member.state)
    room -= listed.instance?.document?.text.length ?? 0
    return room > 0 ? listed : { uri: member.uri }
  })
  const { contentType, text } = buildListState({ uri, version, full, resources })
  return { contentType, headers: { Require: 'eventlist' }, text }
}

function listedResource(uri: Uri, state: WatchState | undefined): ListedResource {
  switch (state?.kind) {
    case undefined:
      return { uri, instance: { state: 'terminated', reason: 'noresource' } }
    case 'pending':
      return { uri, instance: { state: 'pending' } }
    case 'ended':
      return { uri, instance: { state: 'terminated', reason: state.reason === 'rejected' ? 'rejected' : 'giveup' } }
    case 'active':
      return {
        uri,
        instance: { state: 'active', document: { type: PIDF_TYPE, text: buildPidf(uri, state.presence) } },
      }
  }
}
