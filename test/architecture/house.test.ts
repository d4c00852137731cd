import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { mentioned, readRequirements } from '../../scripts/requirements.js'
import { ROOT, type Source, sources } from './sources.js'

const code = ['gateway', 'adapters', 'scripts', 'test'].flatMap((folder) => sources(folder, ['.ts', '.js', '.mjs']))
const written = [
  ...code,
  ...['gateway', 'adapters', 'scripts', 'test', 'conf'].flatMap((folder) =>
    existsSync(join(ROOT, folder)) ? sources(folder, ['.md', '.sh', '.yaml', '.yml', '.pl', '.xml', '.csv']) : [],
  ),
]

/** Lines that match, as file:line. */
const lines = (among: readonly Source[], pattern: RegExp): readonly string[] =>
  among.flatMap((source) =>
    source.text
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${source.path}:${index + 1}: ${line.trim()}`] : [])),
  )
const notHere = code.filter((source) => !source.path.endsWith('house.test.ts'))
const but = (name: string): readonly Source[] => written.filter((source) => !source.path.endsWith(name))

test('no source file is longer than 500 lines', () => {
  const long = code
    .map((source) => ({ path: source.path, lines: source.text.split('\n').length - 1 }))
    .filter((file) => file.lines > 500)
  expect(long).toEqual([])
})

test('nine files in ten have fewer than 300 lines', () => {
  const long = code.filter((source) => source.text.split('\n').length > 301)
  expect(long.length, long.map((source) => source.path).join('\n')).toBeLessThan(code.length / 10)
})

test('no escape from the type checker', () => {
  expect(lines(notHere, /@ts-(?:ignore|expect-error|nocheck)/)).toEqual([])
  // The linter knows an explicit any from a variable of that name; here only that it is told to look.
  const linter: unknown = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8'))
  expect(linter).toMatchObject({
    linter: { rules: { suspicious: { noExplicitAny: 'error' }, style: { noNonNullAssertion: 'error' } } },
  })
})

test('nothing is left to do later', () => {
  expect(lines(but('house.test.ts'), /\b(?:TODO|FIXME|XXX|HACK)\b/)).toEqual([])
})

test('tests do not sleep', () => {
  const sleeping = /setTimeout\((?:resolve|done)\s*,|setTimeout\b[^\n]*timers\/promises/
  const tests = code.filter((source) => source.path.endsWith('.test.ts') && !source.path.endsWith('house.test.ts'))
  expect(lines(tests, sleeping)).toEqual([])
})

test('nothing points outside the repository', () => {
  expect(lines(but('house.test.ts'), /(?:^|[\s'"`(])\/(?:work|root|home)\/|\bshared\/spec\b|\bseeds\//)).toEqual([])
})

test('the lock file names the packages of every platform, or npm ci refuses it', () => {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Readonly<Record<string, { optionalDependencies?: Readonly<Record<string, string>> }>>
  }
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies }]) =>
    Object.keys(optionalDependencies ?? {}).filter(
      (name) =>
        packages[`${path}/node_modules/${name}`] === undefined && packages[`node_modules/${name}`] === undefined,
    ),
  )
  expect(missing).toEqual([])
})

test('a test names only requirements that exist', () => {
  const rows = readRequirements(sources('test', ['requirements.md'])[0]?.text ?? '')
  expect(rows.length).toBeGreaterThan(400)
  const known = new Set(rows.map((row) => row.id))
  const stem = (id: string): string => id.replace(/\d+[a-z]?$/, '')
  const stems = new Set(rows.map((row) => stem(row.id)))
  const names = code
    .filter((source) => source.path.endsWith('.test.ts'))
    .flatMap((source) => [...source.text.matchAll(/\b(?:test|it|describe|play)(?:\.\w+)*\(\s*(['"`])(.*?)\1/g)])
    .map(([, , name]) => name ?? '')
  const unknown = names.flatMap((name) => mentioned(name).filter((id) => stems.has(stem(id)) && !known.has(id)))
  expect(unknown).toEqual([])
})
