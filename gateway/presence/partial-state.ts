import { createHash } from 'node:crypto'
import type { Uri } from '../cpm/ids.js'
import { buildPidf, PIDF_TYPE, type PidfPart, pidfParts } from '../cpm/pidf.js'
import { buildPidfDiff, buildPidfFull, type KnownParts, PIDF_DIFF_TYPE } from '../cpm/pidf-diff.js'
import type { PresenceState } from '../cpm/presence.js'
import { qualityOf } from '../events/event-headers.js'
import type { PackageBody } from '../events/package.js'

/** The form of those who want changes only (RFC 5263 §4). */
export const PARTIAL = 'partial'

/** Whether a watcher's Accept header says that he likes partial documents no less than whole ones. */
export function wantsPartial(accept: string | undefined): boolean {
  const quality = qualityOf(accept, PIDF_DIFF_TYPE)
  return quality > 0 && quality >= qualityOf(accept, PIDF_TYPE)
}

/**
 * The state for a watcher who wants changes only: those since the document that he took last, or all of it where there is
 * none, where he is to have it, or where it is shorter (RFC 5263 §4.3).
 */
export function partialBody(
  entity: Uri,
  version: number,
  state: PresenceState,
  known: KnownParts | undefined,
): PackageBody {
  const of = { entity, version: version + 1 }
  const whole = buildPidfFull(of, state)
  const changes = known && buildPidfDiff(of, state, known, nameOf)
  return {
    contentType: PIDF_DIFF_TYPE,
    text: changes !== undefined && changes.length < whole.length ? changes : whole,
    meaning: buildPidf(entity, state),
    kept: Object.fromEntries(pidfParts(state).map((part) => [part.selector, nameOf(part)])),
  }
}

const nameOf = ({ text }: PidfPart): string => createHash('sha256').update(text).digest('base64url').slice(0, 8)
