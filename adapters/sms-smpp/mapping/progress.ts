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

/** The form it is stored in: `reference/total/account`, and `/repair` if there is one. */
export function writeProgress({ reference, total, account, parts, repair }: Progress): SendProgress {
  const note = `${reference}/${total}/${account}`
  return { parts, note: repair ? `${note}/${repair}` : note }
}

const NOTE = /^(\d{1,5})\/(\d{1,3})\/([^/]+)(?:\/(no-tlvs|ucs2|shorter|no-validity))?$/

/** Undefined when there is none, or it is not ours. */
export function readProgress(stored: SendProgress | undefined): Progress | undefined {
  const found = stored?.note === undefined ? undefined : NOTE.exec(stored.note)
  if (!stored || !found?.[3]) return undefined
  const plain = { reference: Number(found[1]), total: Number(found[2]), account: found[3], parts: stored.parts }
  return found[4] === undefined ? plain : { ...plain, repair: found[4] as Repair }
}
