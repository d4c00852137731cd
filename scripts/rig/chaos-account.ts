import { readFileSync } from 'node:fs'

export type Victim = 'gateway' | 'redis-server' | 'centre'
export const VICTIMS: readonly Victim[] = ['gateway', 'redis-server', 'centre']

export interface ChaosResult {
  readonly accepted: number
  readonly delivered: number
  readonly reportedFailed: number
  /** Taken by the service, whose receipt went down with a connection; only where nothing tells of that. */
  readonly receiptsLost: number
  /** Of those, the messages that were taken when no kill and no break was near. */
  readonly receiptsUnexplained: readonly string[]
  /** Accepted, and neither delivered nor reported as failed. */
  readonly lostOut: readonly string[]
  /** Acknowledged to the message centre, and never seen by the device. */
  readonly lostIn: readonly string[]
  readonly arrivedIn: number
  /** Messages the centre got more than once, by whether a kill hit the attempt. */
  readonly duplicatesOut: { readonly explained: number; readonly unexplained: readonly string[] }
  /**
   * Messages the device got more than once: because the handset answered a message that it got twice; with one Message-ID
   * (the device drops the second); or for no such reason.
   */
  readonly duplicatesIn: {
    readonly answers: number
    readonly sameId: number
    readonly unexplained: readonly string[]
  }
  readonly duplicateNotifications: number
  readonly kills: readonly { readonly at: number; readonly victim: Victim }[]
  /** How often the centre broke its connections. */
  readonly cuts: number
  readonly seconds: number
}

/** A kill can take the answer of an attempt that the centre took at most so long before it, or while things come up again. */
const IN_DOUBT_MS = 2_000
/** What was taken so shortly before a connection broke may not have been proven by then. */
const CUT_DOUBT_MS = 1_000

/** What was sent and accepted: texts by the id of their message. */
export interface Sent {
  readonly accepted: ReadonlyMap<string, string>
  readonly receiptsGetLost: boolean
}

/** What the device saw: statuses by message, ids by text. */
export interface Seen {
  readonly statuses: ReadonlyMap<string, readonly string[]>
  readonly inbound: ReadonlyMap<string, readonly string[]>
}

export interface Journal {
  /** Times of each text taken, ms since 1970. */
  readonly taken: ReadonlyMap<string, readonly number[]>
  /** Texts of handsets that were acknowledged. */
  readonly acknowledged: ReadonlySet<string>
  /** When the centre broke its connections. */
  readonly cuts: readonly number[]
}

export function readJournal(file: string): Journal {
  const taken = new Map<string, number[]>()
  const textOf = new Map<string, string>()
  const acknowledged = new Set<string>()
  const cuts: number[] = []
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [kind, id = '', at, , , , ...words] = line.split(' ')
    if (kind === 'S') {
      const text = words.join(' ')
      textOf.set(id, text)
      taken.set(text, [...(taken.get(text) ?? []), Number(at)])
    } else if (kind === 'C') cuts.push(Number(id))
    else if (kind === 'M') acknowledged.add(`re: ${textOf.get(id)}`)
  }
  return { taken, acknowledged, cuts }
}

/** Whether nothing is missing any more. */
export function settled(sent: Sent, seen: Seen, journal: Journal): boolean {
  if ([...sent.accepted].some(([id, text]) => !isAccounted(id, text, sent, seen, journal))) return false
  const { acknowledged, taken } = journal
  const allAcknowledged = [...taken.keys()].every((text) => acknowledged.has(`re: ${text}`))
  return allAcknowledged && [...acknowledged].every((text) => seen.inbound.has(text))
}

/** Nothing tells of a receipt whether it has been read: where the service has no more than that, what it took is not lost. */
const isAccounted = (id: string, text: string, { receiptsGetLost }: Sent, seen: Seen, { taken }: Journal): boolean =>
  seen.statuses.has(id) || (receiptsGetLost && taken.has(text))

export function account(
  sent: Sent,
  seen: Seen,
  journal: Journal,
  kills: ChaosResult['kills'],
  seconds: number,
): ChaosResult {
  const accepted = [...sent.accepted]
  const ids = accepted.map(([id]) => id)
  const statuses = (id: string): readonly string[] => seen.statuses.get(id) ?? []
  const repeated = [...journal.taken].filter(([, times]) => times.length > 1)
  const isHit = (time: number): boolean =>
    kills.some(({ at }) => Math.abs(time - at) < IN_DOUBT_MS) ||
    journal.cuts.some((at) => at >= time && at - time < CUT_DOUBT_MS)
  const inDoubt = (times: readonly number[]): boolean => times.slice(0, -1).some(isHit)
  const silent = accepted.filter(([id, text]) => !seen.statuses.has(id) && isAccounted(id, text, sent, seen, journal))
  const twice = [...seen.inbound].filter(([, ids]) => ids.length > 1)
  const answersOf = (text: string): number => journal.taken.get(text.replace(/^re: /, ''))?.length ?? 0
  const moreThanAnswered = twice.filter(([text, ids]) => new Set(ids).size > answersOf(text))
  return {
    accepted: accepted.length,
    delivered: ids.filter((id) => statuses(id).includes('delivered')).length,
    reportedFailed: ids.filter((id) => statuses(id).length > 0 && !statuses(id).includes('delivered')).length,
    receiptsLost: silent.length,
    receiptsUnexplained: silent.filter(([, text]) => !journal.taken.get(text)?.some(isHit)).map(([id]) => id),
    lostOut: accepted.filter(([id, text]) => !isAccounted(id, text, sent, seen, journal)).map(([id]) => id),
    lostIn: [...journal.acknowledged].filter((text) => !seen.inbound.has(text)),
    arrivedIn: seen.inbound.size,
    duplicatesOut: {
      explained: repeated.filter(([, times]) => inDoubt(times)).length,
      unexplained: repeated.filter(([, times]) => !inDoubt(times)).map(([text]) => text),
    },
    duplicatesIn: {
      answers: twice.filter(([text, ids]) => answersOf(text) > 1 && new Set(ids).size > 1).length,
      sameId: twice.filter(([, ids]) => new Set(ids).size < ids.length).length,
      unexplained: moreThanAnswered.map(([text]) => text),
    },
    duplicateNotifications: [...seen.statuses.values()].filter((list) => list.length > 1).length,
    kills,
    cuts: journal.cuts.length,
    seconds,
  }
}
