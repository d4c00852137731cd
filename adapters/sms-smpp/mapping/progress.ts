import type { SendProgress, ServicePart } from '../../contract/index.js'

/** What the next attempt of a message must know to send the rest of it and not the whole. */
export interface Progress {
  readonly account: string
  readonly reference: number
  readonly total: number
  readonly parts: readonly ServicePart[]
}

/** The form it is stored in: `reference/total/account`. */
export function writeProgress(progress: Progress): SendProgress {
  return { parts: progress.parts, note: `${progress.reference}/${progress.total}/${progress.account}` }
}

/** Undefined when there is none, or it is not ours. */
export function readProgress(stored: SendProgress | undefined): Progress | undefined {
  const found = /^(\d{1,5})\/(\d{1,3})\/(.+)$/.exec(stored?.note ?? '')
  if (!stored || !found?.[3]) return undefined
  return { reference: Number(found[1]), total: Number(found[2]), account: found[3], parts: stored.parts }
}
