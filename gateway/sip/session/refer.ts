import { parseNameAddrs } from '../../core/name-addr.js'
import { normalUri } from '../../cpm/address.js'
import type { Uri } from '../../cpm/ids.js'
import { type MimePart, partOctets } from '../../cpm/mime.js'
import { leavesOf, parseMimeTree } from '../../cpm/multipart.js'
import { parseRecipientList, RESOURCE_LISTS } from '../../cpm/recipient-list.js'
import { type Refusal, refusal } from '../answer.js'
import type { InboundLimits } from '../inbound.js'
import type { IncomingRequest } from '../link.js'
import type { ReferRequest } from '../session-port.js'

/** Whom a REFER is about, and what shall become of them (RFC 3515, RFC 4579 §5.5, §5.11, RFC 5368). */
export function readReferTo(
  { headers, body }: Pick<IncomingRequest, 'headers' | 'body'>,
  limits: InboundLimits,
): Pick<ReferRequest, 'method' | 'users' | 'wantsOutcome'> | Refusal {
  const [entry, ...more] = parseNameAddrs(headers.get('refer-to') ?? '') ?? []
  if (!entry || more.length > 0) return refusal(400, 'syntax', 'one Refer-To is expected')
  const wantsOutcome = !/^\s*false\s*$/i.test(headers.get('refer-sub') ?? '')
  const named = /^cid:/i.test(entry.uri) ? readList(headers.get('content-type') ?? '', body, limits) : [entry.uri]
  if ('kind' in named) return named
  const read = named.map((uri) => readTarget(uri, limits))
  const methods = new Set(read.map((target) => target?.method))
  const [method] = methods
  const users = read.flatMap((target) => target?.user ?? [])
  if (users.length < read.length || methods.size > 1 || (method !== 'INVITE' && method !== 'BYE')) {
    return refusal(400, 'syntax', 'Refer-To names nobody who could be invited or removed')
  }
  return { method, users: [...new Set(users)], wantsOutcome }
}

/** The method stands as a parameter (RFC 4579) or, with some, as a header of the URI. */
function readTarget(uri: string, limits: InboundLimits): { readonly user: Uri; readonly method: string } | undefined {
  const method = /[;?&]method=([A-Z]+)/i.exec(uri)?.[1]?.toUpperCase() ?? 'INVITE'
  const bare = uri.replace(/[;?&]method=[A-Z]+/i, '').replace(/\?.*$/, '')
  const user = normalUri(bare, limits)
  return user === undefined ? undefined : { user, method }
}

/** The entries as they are written: the parser of recipient lists would drop what stands behind them. */
function readList(contentType: string, body: string, limits: InboundLimits): readonly string[] | Refusal {
  const part: MimePart = { headers: new Map([['content-type', contentType]]), body }
  const tree = parseMimeTree(part)
  if (tree.kind === 'fault') return refusal(400, 'syntax', tree.said)
  const xml = leavesOf(tree).find(({ type }) => type === RESOURCE_LISTS)?.part
  const text = xml && partOctets(xml)?.toString('utf8')
  if (text === undefined) return refusal(400, 'syntax', 'the list of Refer-To is not there')
  const list = parseRecipientList(text, limits)
  if ('kind' in list) return refusal(400, 'syntax', list.said)
  const entries = text.match(/<(?:[\w-]+:)?entry\b/g)?.length ?? 0
  const removals = text.match(/\buri\s*=\s*["'][^"']*[;?]method=BYE/gi)?.length ?? 0
  if (removals !== 0 && removals !== entries) return refusal(400, 'syntax', 'some are to be invited, others removed')
  return list.map(({ uri }) => (removals > 0 ? `${uri.replace(/[;?]method=BYE/i, '')};method=BYE` : uri))
}
