import { brokenFiles, readReport } from './vitest-report.js'

// The last line of scripts/test: the totals of the run, as vitest counted them. A file that did not load counts as one failure.
const path = process.argv[2] ?? ''
try {
  const report = readReport(path)
  const failed = report.numFailedTests + brokenFiles(report)
  console.log(`${report.numPassedTests} passed, ${failed} failed`)
  process.exitCode = failed > 0 ? 1 : 0
} catch {
  console.log('0 passed, 1 failed')
  process.exitCode = 1
}
