import fc from 'fast-check'
import { expect, test } from 'vitest'
import { issuesToProblems } from '../../gateway/config/issues.js'
import { nearest } from '../../gateway/config/nearest.js'
import { groupsOf, patternProblem } from '../../gateway/config/pattern.js'
import { ConfigError } from '../../gateway/config/problem.js'
import { configSchema } from '../../gateway/config/schema.js'
import { schemaTree } from '../../gateway/config/schema-tree.js'
import { parseSource } from '../../gateway/config/source.js'
import { duration, inUnits, size } from '../../gateway/config/units.js'

const yamlish = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'sip:',
        '  listen:',
        '- ',
        '{',
        '}',
        '[',
        ']',
        '&a ',
        '*a',
        '"',
        "'",
        '|',
        '\n',
        '? ',
        ': ',
        '!!map ',
      ),
      fc.string(),
    ),
  )
  .map((parts) => parts.join(''))

test('whatever is in the file: data, or ConfigError with a place in it', () => {
  fc.assert(
    fc.property(yamlish, (text) => {
      try {
        parseSource('f', text)
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigError)
        for (const { line, column } of (error as ConfigError).problems)
          expect(Math.min(line, column)).toBeGreaterThan(0)
      }
    }),
  )
})

test('whatever the values are, each fault of the schema becomes at least one problem', () => {
  const schema = schemaTree(configSchema)
  const key = fc.constantFrom(
    'sip',
    'server',
    'listen',
    'redis',
    'users',
    'interworking',
    'services',
    'adapters',
    'http',
    'x',
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom(null, 1, -1.5, true, '', 'embedded', '30s'),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(key, tie('value')),
    ),
  }))
  fc.assert(
    fc.property(value, (data) => {
      const parsed = configSchema.safeParse(data)
      if (parsed.success) return
      const source = parseSource('f', JSON.stringify(data))
      const problems = issuesToProblems(parsed.error.issues, { source, data, at: [], schema })
      expect(problems.length).toBeGreaterThanOrEqual(parsed.error.issues.length)
    }),
  )
})

test('a pattern that is taken compiles and answers on hostile input', () => {
  const piece = fc.constantFrom(
    'a',
    '(',
    ')',
    '(?:',
    '[a-z]',
    '[^a]',
    '*',
    '+',
    '?',
    '|',
    '\\d',
    '\\.',
    '{2,}',
    '{2,5}',
    '.',
    '^',
    '$',
    '(?=',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 15 }), (pieces) => {
      const source = pieces.join('')
      if (patternProblem(source) !== undefined) return
      expect(groupsOf(source)).toBeGreaterThanOrEqual(1)
      new RegExp(source, 'u').test(`${'a'.repeat(200)}!`)
    }),
    { numRuns: 2_000 },
  )
})

test('a duration or size is written as it is read', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1e12 }), (value) => {
      expect(duration().parse(inUnits('duration', value))).toBe(value)
      expect(size().parse(inUnits('size', value))).toBe(value)
    }),
  )
})

test('the nearest name is one of the known, and an equal one wins', () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.string()), (name, known) => {
      const found = nearest(name, known)
      expect(found === undefined || known.includes(found)).toBe(true)
      expect(
        nearest(name, [...known, name])
          ?.toLowerCase()
          .replace(/[-_]/g, ''),
      ).toBe(name.toLowerCase().replace(/[-_]/g, ''))
    }),
  )
})
