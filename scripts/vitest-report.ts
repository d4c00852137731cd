import { readFileSync } from 'node:fs'
import { z } from 'zod'

/** What we read of vitest's JSON report. */
const report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numFailedTestSuites: z.number(),
  success: z.boolean(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
})

export type VitestReport = z.output<typeof report>

/** Reads a report that vitest wrote. Throws when it is missing or is something else. */
export function readReport(path: string): VitestReport {
  return report.parse(JSON.parse(readFileSync(path, 'utf8')))
}

/** Test files that did not even load; vitest counts none of their tests. */
export function brokenFiles(read: VitestReport): number {
  return read.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0).length
}
