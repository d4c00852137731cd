import { hash, randomUUID } from 'node:crypto'

/** What is needed to report on a message of an XMPP user; it is all in the id under which the gateway keeps the message. */
export interface Delivery {
  /** Full JID of the sender. */
  readonly from: string
  /** Our JID it was sent to. */
  readonly to: string
  readonly stanzaId: string
  readonly receipt: boolean
  readonly markable: boolean
}

const MAX = 1_500

/**
 * The id of one delivery. The text is in it too: clients exist whose ids begin anew with each session. `reportable` is false
 * when the stanza has no id or one too long to keep.
 */
export function deliveryId(delivery: Omit<Delivery, 'stanzaId'> & { readonly stanzaId?: string }, text: string) {
  const { from, to, stanzaId, receipt, markable } = delivery
  if (stanzaId === undefined) return { id: `x|${randomUUID()}`, reportable: false }
  const flags = `${receipt ? 'r' : ''}${markable ? 'm' : ''}`
  const id = ['x', flags, to, from, stanzaId].map(encodeURIComponent).join('|')
  const said = hash('sha256', text, 'base64url').slice(0, 10)
  if (id.length > MAX) return { id: `x|${hash('sha256', `${id}|${said}`, 'hex')}`, reportable: false }
  return { id: `${id}|${said}`, reportable: receipt || markable }
}

/** Reads such an id; undefined when there is nothing to report to. */
export function readDeliveryId(id: string): Delivery | undefined {
  const [mark, flags, to, from, stanzaId] = id.split('|').map(decodeURIComponent)
  if (mark !== 'x' || flags === undefined || to === undefined || from === undefined || stanzaId === undefined)
    return undefined
  return { from, to, stanzaId, receipt: flags.includes('r'), markable: flags.includes('m') }
}
