import type { OutboundMessage, ServicePart } from '../../contract/index.js'
import type { Incoming } from '../bind/intake.js'
import type { Account } from '../profile.js'
import { messageOctets, tlvName, tlvString } from '../wire/tlv.js'
import type { Pdu } from '../wire/types.js'
import { statusName } from './status.js'

/** One line each for the message trace: what was said on the wire, without text and passwords. */

const ALPHABETS = { gsm7: 'GSM 7-bit', latin1: 'Latin-1', ascii: 'ASCII', utf8: 'UTF-8' } as const
const MOST_INFORMATION = 100

/** A message from the centre: everything but numbers and text. */
export function saidIncoming(pdu: Incoming): string {
  const { esm_class, data_coding } = pdu.fields
  const said = `${pdu.command} esm_class:${esm_class} data_coding:${data_coding} octets:${messageOctets(pdu).length}`
  return pdu.tlvs.length === 0 ? said : `${said} tlvs:${pdu.tlvs.map(({ tag }) => tlvName(tag)).join(',')}`
}

/** An attempt, before it is made. */
export function saidAttempt({ from, to }: Pick<OutboundMessage, 'from' | 'to'>): string {
  return `submit_sm from ${from} to ${to}`
}

/** `submit_sm_resp ESME_ROK id 951590001, 1 part, GSM 7-bit`. */
export function saidAccepted(parts: readonly ServicePart[], dataCoding: number, account: Account): string {
  let ids = ''
  for (const { id } of parts) ids += ` ${id || '-'}`
  const alphabet = dataCoding === 0 ? ALPHABETS[account.defaultAlphabet] : 'UCS2'
  return `submit_sm_resp ESME_ROK id${ids}, ${parts.length} ${parts.length === 1 ? 'part' : 'parts'}, ${alphabet}`
}

/** `submit_sm_resp ESME_RINVDSTADR (0x0b)`, with the centre's own words if it has any. */
export function saidRefused(pdu: Pdu): string {
  const said = `${pdu.command} ${statusName(pdu.status)}`
  const information = pdu.tlvs.length > 0 ? tlvString(pdu, 'additional_status_info_text') : undefined
  return information ? `${said} "${information.slice(0, MOST_INFORMATION).replace(/[\0-\x1f\x7f-\x9f]/g, ' ')}"` : said
}
