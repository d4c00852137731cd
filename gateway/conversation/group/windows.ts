import type { Uri } from '../../cpm/ids.js'
import type { Disposition } from '../../cpm/message.js'
import type { Closer, Result } from './work.js'

/**
 * What members have reported, gathered in windows: one is open at a time, and what is in it goes out together once it is
 * closed (RFC 5438 §8.3). A result counts once, whatever comes after it (`IMDN-04`). Pure; the state is a note.
 */
export interface Windows {
  /** Who closed each window so far; the next one is open. */
  readonly closed: readonly Closer[]
  /** By who and kind: the status, and the window it is told in, or -1 when the sender is not told. */
  readonly results: Readonly<Record<string, readonly [status: string, window: number]>>
}

export const NO_WINDOWS: Windows = { closed: [], results: {} }

/** A result, and whether the sender is to hear of it. */
export interface Told {
  readonly result: Result
  readonly tell: boolean
}

export const openWindow = ({ closed }: Windows): number => closed.length

/** A member that answers for others could name anybody. */
const MAX_RESULTS = 10_000

const slotOf = ({ who, disposition }: Result): string => `${who} ${disposition.kind}`

export const isNews = ({ results }: Windows, { result }: Told): boolean => !Object.hasOwn(results, slotOf(result))

/** With these results, as far as they are news, in the open window. */
export function gathered(windows: Windows, results: readonly Told[]): Windows {
  const news = new Map<string, readonly [string, number]>()
  for (const told of results) {
    const slot = slotOf(told.result)
    const window = told.tell ? openWindow(windows) : -1
    if (isNews(windows, told) && !news.has(slot)) news.set(slot, [told.result.disposition.status, window])
  }
  const all = [...Object.entries(windows.results), ...news].slice(0, MAX_RESULTS)
  return { ...windows, results: Object.fromEntries(all) }
}

/** Whether the delivery to every one of `members` has had its end. */
export function allIn({ results }: Windows, members: number): boolean {
  return Object.keys(results).filter((slot) => /^\d+ delivery$/.test(slot)).length >= members
}

/**
 * Closes the window, if it is open, or was closed by the same before: an attempt whose end was lost is made again. Undefined
 * when somebody else has closed it.
 */
export function closedBy(windows: Windows, window: number, by: Closer): Windows | undefined {
  if (windows.closed[window] === by) return windows
  return openWindow(windows) === window ? { ...windows, closed: [...windows.closed, by] } : undefined
}

/** What the sender is told in this window, in the order in which it came. */
export function toldIn({ results }: Windows, window: number): readonly Result[] {
  return Object.entries(results).flatMap(([slot, [status, told]]) => {
    if (told !== window) return []
    const [who = '', kind] = slot.split(' ')
    const disposition = { kind, status } as Disposition
    return [{ who: /^\d+$/.test(who) ? Number(who) : (who as Uri), disposition }]
  })
}
