import type { AcceptedMessage, ServicePart } from '../../contract/index.js'
import type { SmsPart } from './to-sms.js'

/** How an accepted message is found again at its centre. */
export interface Handle {
  readonly account: string
  readonly dataCoding: number
  readonly registered: number
  /** message_id of each part. */
  readonly ids: readonly string[]
}

/** `account/data_coding/registered_delivery/id,id`; undefined when the centre has not named every part. */
export function handleOf(
  account: string,
  parts: readonly ServicePart[],
  sent: SmsPart | undefined,
): string | undefined {
  if (sent === undefined) return undefined
  let ids = ''
  for (const { id } of parts) {
    if (id === '') return undefined
    ids += `${ids && ','}${encodeURIComponent(id)}`
  }
  return `${account}/${sent.fields.data_coding}/${sent.fields.registered_delivery}/${ids}`
}

export function readHandle({ handle }: Pick<AcceptedMessage, 'handle'>): Handle {
  const [account = '', dataCoding, registered, ids = ''] = handle.split('/')
  return {
    account,
    dataCoding: Number(dataCoding),
    registered: Number(registered),
    ids: ids.split(',').map(decodeURIComponent),
  }
}
