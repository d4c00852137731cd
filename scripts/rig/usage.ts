import { readFileSync } from 'node:fs'

/** Clock ticks a second of /proc: 100 on every Linux that Node runs on. */
const TICKS = 100

export interface Usage {
  /** CPU time so far, user and system, seconds. */
  readonly cpuSeconds: number
  /** Memory in use now and at most, octets. */
  readonly rss: number
  readonly peak: number
}

/** What a process has used; zeros when it is gone. */
export function usageOf(pid: number): Usage {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // The name in parentheses may hold blanks; utime and stime are the 12th and 13th fields after it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kilobytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0)
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
      rss: kilobytes('VmRSS') * 1024,
      peak: kilobytes('VmHWM') * 1024,
    }
  } catch {
    return { cpuSeconds: 0, rss: 0, peak: 0 }
  }
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** The value below which this share of the values lies; 0 of nothing. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}
