import type { SessionsConfig } from '../../config/sessions.js'

/** The end of an invitation's validity, ms since 1970: as its sender wants it, within what is allowed (`CPM-CONV-016`). */
export const validUntil = (
  { validity, maxValidity }: Pick<SessionsConfig, 'validity' | 'maxValidity'>,
  now: number,
  asked = now + validity,
): number => Math.min(asked, now + maxValidity)
