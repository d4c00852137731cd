import { readFileSync } from 'node:fs'
import { mentioned, type Requirement, readRequirements } from './requirements.js'
import { readReport } from './vitest-report.js'

/** Prints which rows of the requirement matrix are shown by a passing test, group by group, with totals. */
function main(reportPath: string): number {
  const rows = readRequirements(readFileSync('test/requirements.md', 'utf8'))
  const tests = readReport(reportPath).testResults.flatMap((file) => file.assertionResults)
  const idsOf = (status: string) =>
    new Set(tests.filter((test) => test.status === status).flatMap((test) => mentioned(test.fullName)))
  const failing = idsOf('failed')
  const shown = new Set([...idsOf('passed')].filter((id) => !failing.has(id)))

  for (const group of new Set(rows.map((row) => row.group))) {
    const members = rows.filter((row) => row.group === group)
    printGroup(group, members, shown, failing)
  }
  console.log(`\nAll: ${rows.filter((row) => shown.has(row.id)).length} of ${rows.length} rows shown`)

  const known = new Set(rows.map((row) => row.id))
  const stems = new Set(rows.map((row) => row.id.replace(/\d+[a-z]?$/, '')))
  const unknown = [...shown].filter((id) => !known.has(id) && stems.has(id.replace(/\d+[a-z]?$/, '')))
  if (unknown.length > 0) console.log(`Named by tests but in no row: ${unknown.sort().join(' ')}`)
  return unknown.length === 0 ? 0 : 1
}

function printGroup(
  group: string,
  rows: readonly Requirement[],
  shown: ReadonlySet<string>,
  failing: ReadonlySet<string>,
): void {
  const yes = rows.filter((row) => shown.has(row.id)).map((row) => row.id)
  const broken = rows.filter((row) => failing.has(row.id)).map((row) => row.id)
  const no = rows.filter((row) => !shown.has(row.id) && !failing.has(row.id)).map((row) => row.id)
  console.log(`\n${group}: ${yes.length} of ${rows.length}`)
  if (yes.length > 0) console.log(`  shown      ${yes.join(' ')}`)
  if (broken.length > 0) console.log(`  failing    ${broken.join(' ')}`)
  if (no.length > 0) console.log(`  not shown  ${no.join(' ')}`)
}

process.exitCode = main(process.argv[2] ?? '')
