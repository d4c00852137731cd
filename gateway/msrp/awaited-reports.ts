import type { Clock } from '../cpm/clock.js'
import { type ByteRange, header, parseByteRange, parseStatus, type Request } from './wire/message.js'

/** What a REPORT says of a message, or of a part of it (RFC 4975 §7.1.2). */
export interface Report {
  readonly id: string
  readonly status: number
  readonly comment: string
  readonly range: ByteRange
}

/** Reads a REPORT; undefined when it says nothing that can be understood. */
export function readReport({ headers }: Pick<Request, 'headers'>): Report | undefined {
  const id = header(headers, 'Message-ID')
  const status = parseStatus(header(headers, 'Status') ?? '')
  const range = parseByteRange(header(headers, 'Byte-Range') ?? '1-*/*')
  return id === undefined || status === undefined || range === undefined ? undefined : { id, ...status, range }
}

/** Parts of a message that were reported apart from those before them. */
const MAX_PARTS = 256

interface Awaited {
  readonly settle: (report: Report | undefined) => void
  readonly cancel: () => void
  readonly size: number | undefined
  /** Position of the last octet reported without a gap. */
  until: number
  parts: ByteRange[]
}

/** Messages whose report is still out. The first failure counts, or the success that completes the whole. */
export class AwaitedReports {
  readonly #clock: Clock
  readonly #waitMs: number
  readonly #awaited = new Map<string, Awaited>()

  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock
    this.#waitMs = waitMs
  }

  /** Undefined when none comes in time, or the session ends first. */
  expect(id: string, size: number | undefined): Promise<Report | undefined> {
    this.forget(id)
    return new Promise((resolve) => {
      const settle = (report: Report | undefined): void => {
        cancel()
        this.#awaited.delete(id)
        resolve(report)
      }
      const cancel = this.#clock.after(this.#waitMs, () => settle(undefined))
      this.#awaited.set(id, { settle, cancel, size, until: 0, parts: [] })
    })
  }

  /** Whether somebody waits for reports on this message. */
  take(report: Report): boolean {
    const awaited = this.#awaited.get(report.id)
    if (awaited === undefined) return false
    const failed = report.status < 200 || report.status > 299
    if (failed || covers(awaited, report.range)) awaited.settle(report)
    return true
  }

  /** Nothing is to be expected for this message any more. */
  forget(id: string): void {
    this.#awaited.get(id)?.settle(undefined)
  }

  lose(): void {
    for (const { settle } of [...this.#awaited.values()]) settle(undefined)
  }
}

/** Adds a part that arrived; whether the whole has. */
function covers(awaited: Awaited, range: ByteRange): boolean {
  const total = awaited.size ?? range.total
  if (range.end === undefined) return range.start === 1
  if (awaited.parts.length < MAX_PARTS) awaited.parts.push(range)
  for (;;) {
    const next = awaited.parts.find(({ start }) => start <= awaited.until + 1)
    if (next === undefined) break
    awaited.parts = awaited.parts.filter((part) => part !== next)
    awaited.until = Math.max(awaited.until, next.end ?? 0)
  }
  return total !== undefined && awaited.until >= total
}
