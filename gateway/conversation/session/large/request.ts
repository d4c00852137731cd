import { type DecodeFault, decodeCpmBody } from '../../../cpm/decode.js'
import { hasIcsi, ICSI, parseFeatures } from '../../../cpm/features.js'
import type { CallerPreferences, CpmRequest } from '../../../sip/port.js'
import type { Invitation } from '../../../sip/session-port.js'
import { cpimText } from './cpim-text.js'

export interface LargeMessageLimits {
  readonly domain: string
  readonly defaultCountry?: string
  readonly maxLife: number
}

/**
 * A message that came in large message mode, as if it had come as MESSAGE: with the headers of its INVITE, but for Expires, which
 * is the invitation's.
 */
export function toRequest(
  invitation: Invitation,
  octets: Buffer,
  now: number,
  { domain, defaultCountry, maxLife }: LargeMessageLimits,
): CpmRequest | DecodeFault {
  const body = cpimText(octets)
  if (body === undefined) {
    return { kind: 'fault', fault: 'not-utf8', reason: 'content-unsupported', said: 'neither text nor base64' }
  }
  const { function: called, originator, from, target, listed, maxForwards, routes, icid, said } = invitation
  const content = decodeCpmBody(
    {
      contentType: 'message/cpim',
      body,
      header: (name) => (name.toLowerCase() === 'expires' ? undefined : invitation.header(name)),
    },
    {
      from,
      addresses: originator.addresses,
      target,
      now,
      defaultLifeMs: maxLife,
      maxLifeMs: maxLife,
      domain,
      ...(defaultCountry !== undefined && { defaultCountry }),
      maxChars: Number.MAX_SAFE_INTEGER,
    },
  )
  if (content.kind === 'fault') return content
  const callerPreferences = invitation.callerPreferences && ofMessage(invitation.callerPreferences)
  return {
    function: called,
    originator,
    target,
    content: content.kind === 'message' && listed ? { ...content, recipients: listed } : content,
    maxForwards,
    routes,
    ...(callerPreferences && { callerPreferences }),
    ...(icid !== undefined && { icid }),
    said,
  }
}

/** Without the wish for devices that take large messages: how it goes on is decided there. */
function ofMessage({ accept, reject }: CallerPreferences): CallerPreferences {
  const values = accept?.match(/(?:[^,"]|"(?:[^"\\]|\\.)*")+/g) ?? []
  const isLarge = (value: string): boolean => {
    const features = parseFeatures(value) ?? {}
    return hasIcsi(features, ICSI.largeMessage) || hasIcsi(features, ICSI.groupLargeMessage)
  }
  const others = values.filter((value) => !isLarge(value))
  return {
    ...(others.length > 0 && { accept: others.join(',') }),
    ...(reject !== undefined && { reject }),
  }
}
