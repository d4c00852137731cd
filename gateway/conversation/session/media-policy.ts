import type { MediaConfig } from '../../config/sessions.js'
import type { Uri } from '../../cpm/ids.js'
import type { Media } from '../../msrp/sdp/description.js'
import { isListed } from '../listed.js'

/** Which streams the provider allows, and these users may have (`MED-06`, `MED-07`); each user by all his addresses. */
export function mediaPolicy(
  { kinds, barred }: Pick<MediaConfig, 'kinds' | 'barred'>,
  users: readonly (readonly Uri[])[],
): (media: Pick<Media, 'kind'>) => boolean {
  const taken = new Set(
    barred.flatMap((rule) => (users.some((addresses) => isListed(addresses, rule.users)) ? rule.kinds : [])),
  )
  return ({ kind }) => (kinds?.includes(kind) ?? true) && !taken.has(kind)
}

/** Whether we stay in the path of the media of a session between these users (`SESS-09`, `SESS-14`). */
export function staysInPath(
  { path, pathIn, pathOut }: Pick<MediaConfig, 'path' | 'pathIn' | 'pathOut'>,
  users: readonly (readonly Uri[])[],
): boolean {
  const isAny = (list: readonly string[]) => users.some((addresses) => isListed(addresses, list))
  return isAny(pathIn) || (path === 'in' && !isAny(pathOut))
}
