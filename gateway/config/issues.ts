import type { z } from 'zod'
import { nearest } from './nearest.js'
import { type ConfigProblem, shown } from './problem.js'
import { knownKeys, type SchemaNode } from './schema-tree.js'
import type { ConfigSource, KeyPath } from './source.js'

type Issue = z.core.$ZodIssue

export interface IssueContext {
  readonly source: ConfigSource
  /** The data that was checked, for what was found. */
  readonly data: unknown
  /** Where in the file that data stands. */
  readonly at: KeyPath
  readonly schema: SchemaNode
}

const SECRET_KEY = /password|secret|token|credential|private|^key$/i

/** What the schema found wrong, at the place in the file, with what was expected there. */
export function issuesToProblems(issues: readonly Issue[], context: IssueContext): ConfigProblem[] {
  return issues.flatMap((issue) => issueToProblems(issue, [], context))
}

function issueToProblems(issue: Issue, above: KeyPath, context: IssueContext): ConfigProblem[] {
  const path: KeyPath = [...above, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))]
  const place = [...context.at, ...path]
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const meant = nearest(key, knownKeys(context.schema, path))
      return context.source.problem([...place, key], `unknown key${meant ? `; did you mean ${meant}?` : ''}`)
    })
  if (issue.code === 'invalid_union') {
    const branch = bestBranch(issue.errors)
    if (branch) return branch.flatMap((inner) => issueToProblems(inner, path, context))
    const expected = [...new Set(issue.errors.flatMap((errors) => errors.map(expectation)))]
    return [
      context.source.problem(
        place,
        expected.join(', or ').replaceAll(', or expected ', ', or '),
        found(path, place, context),
      ),
    ]
  }
  if (issue.code === 'invalid_key') return [context.source.problem(place, expectation(issue), shown(path.at(-1)))]
  return [context.source.problem(place, expectation(issue), found(path, place, context))]
}

/** The alternative the operator had in mind: the one of the right kind with the fewest faults. */
function bestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const cost = (issues: readonly Issue[]) =>
    issues.reduce((sum, issue) => {
      const wrongKind = issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value')
      const foreign = issue.code === 'unrecognized_keys' && issue.path.length === 0 ? 10 * issue.keys.length : 0
      return sum + (wrongKind ? Number.POSITIVE_INFINITY : 1 + foreign)
    }, 0)
  const ranked = branches.map((issues) => ({ issues, cost: cost(issues) })).sort((a, b) => a.cost - b.cost)
  return ranked[0] && Number.isFinite(ranked[0].cost) ? ranked[0].issues : undefined
}

/** What was expected where the schema found something else, in words. */
export function expectation(issue: Issue): string {
  if (!/^(Invalid|Too|Unrecognized)/.test(issue.message)) return issue.message // the schema's own words
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${KINDS[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `expected ${issue.values.length > 1 ? 'one of ' : ''}${issue.values.map(String).join(', ')}`
    case 'too_small':
      return `expected ${bound(issue.origin, 'at least', issue.minimum)}`
    case 'too_big':
      return `expected ${bound(issue.origin, 'at most', issue.maximum)}`
    case 'invalid_key':
      return `not a possible name: ${issue.issues.map(expectation).join(', ')}`
    case 'invalid_format':
      return `expected text that matches ${issue.pattern ?? issue.format}`
    default:
      return issue.message
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'keys below it',
  record: 'keys below it',
  array: 'a list',
}

function bound(origin: string, how: string, value: number | bigint): string {
  if (origin === 'array') return `${how} ${value} item${value === 1 ? '' : 's'}`
  if (origin === 'string') return `${how} ${value} character${value === 1 ? '' : 's'}`
  return `${how} ${value}`
}

function found(path: KeyPath, place: KeyPath, context: IssueContext): string {
  const value = path.reduce<unknown>(
    (inside, step) =>
      inside === null || typeof inside !== 'object' ? undefined : (inside as Record<string, unknown>)[step],
    context.data,
  )
  if (value === undefined) return 'nothing'
  if (value === null || Array.isArray(value)) return value === null ? 'nothing' : 'a list'
  if (typeof value === 'object') return 'keys below it'
  return place.some((step) => SECRET_KEY.test(String(step))) ? '(hidden)' : shown(value)
}
