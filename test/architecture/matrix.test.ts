import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { mentioned, readRequirements } from '../../scripts/requirements.js'
import { ROOT, sources } from './sources.js'

const rows = readRequirements(sources('test', ['requirements.md'])[0]?.text ?? '')

/** The report of `scripts/test --matrix` on these test results. */
function report(...results: readonly (readonly [fullName: string, status: 'passed' | 'failed'])[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-matrix-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const assertionResults = results.map(([fullName, status]) => ({ fullName, status }))
  const totals = { numPassedTests: 0, numFailedTests: 0, numFailedTestSuites: 0, success: true }
  const file = join(folder, 'report.json')
  writeFileSync(file, JSON.stringify({ ...totals, testResults: [{ name: 'a', status: 'passed', assertionResults }] }))
  return execFileSync(process.execPath, ['dist/scripts/matrix.js', file], { cwd: ROOT, encoding: 'utf8' })
}

test('GAP-10 each row of the matrix stands once, with a level and a text', () => {
  const ids = rows.map(({ id }) => id)
  expect(ids.length).toBe(new Set(ids).size)
  expect(rows.filter(({ level, text }) => level === '' || text === '')).toEqual([])
})

test('GAP-10 a row is shown by a test that names it and passes, and by no other', () => {
  const text = report(
    ['REG-01 REG-04..06 a play', 'passed'],
    ['REG-02 one that fails', 'failed'],
    ['no name', 'passed'],
  )
  expect(text).toMatch(/shown +REG-01 REG-04 REG-05 REG-06\n/)
  expect(text).toMatch(/failing +REG-02\n/)
  expect(text).toMatch(/not shown +REG-03 REG-07/)
  expect(text).toContain(`All: 4 of ${rows.length} rows shown`)
})

test('GAP-10 ranges and letters in a name stand for the rows they say', () => {
  expect(mentioned('CONV-01..03 FLOW-23a')).toEqual(['CONV-01', 'CONV-02', 'CONV-03', 'FLOW-23a'])
})
