import type { SendProgress, ServicePart } from '../../contract/index.js'
import type { Repair } from './repair.js'

/** What the next attempt of a message must know to send the rest of it and not the whole, and to send it otherwise. */
export interface Progress {
  readonly account: string
  readonly reference: number
  readonly total: number
  readonly parts: readonly ServicePart[]
  readonly repair?: Repair
}

/** The form it is stored in: `reference/total/account`, or `reference/total+repair/account`. */
export function writeProgress({ reference, total, account, parts, repair }: Progress): SendProgress {
  return { parts, note: `${reference}/${total}${repair ? `+${repair}` : ''}/${account}` }
}

const NOTE = /^(\d{1,5})\/(\d{1,3})(?:\+(no-tlvs|ucs2|shorter|no-validity))?\/(.+)$/

/** Undefined when there is none, or it is not ours. */
export function readProgress(stored: SendProgress | undefined): Progress | undefined {
  const found = stored?.note === undefined ? undefined : NOTE.exec(stored.note)
  if (!stored || !found?.[4]) return undefined
  const plain = { reference: Number(found[1]), total: Number(found[2]), account: found[4], parts: stored.parts }
  return found[3] === undefined ? plain : { ...plain, repair: found[3] as Repair }
}
