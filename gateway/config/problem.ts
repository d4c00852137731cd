/** One thing wrong with a configuration, at the place where the operator wrote it. Line and column count from 1. */
export interface ConfigProblem {
  /** Path of the file, or `(defaults)` when there is none. */
  readonly file: string
  readonly line: number
  readonly column: number
  /** Dotted path of the key, e.g. `interworking.services.sms.adapter`. */
  readonly key: string
  /** What was expected. */
  readonly message: string
  /** What stood there, shortened; absent when nothing did. Never a secret. */
  readonly found?: string
}

const MAX_FOUND = 60

/** A value as shown in `found`: as JSON, shortened. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value)
  return text.length > MAX_FOUND ? `${text.slice(0, MAX_FOUND)}…` : text
}

/** The configuration cannot be used; every problem found, in the order of the file. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(problemLine).join('\n'))
    this.problems = problems
  }
}

/** `file:line:column key: message, found …`, the form editors jump to. */
export function problemLine(problem: ConfigProblem): string {
  const found = problem.found === undefined ? '' : `, found ${problem.found}`
  const key = problem.key === '' ? '' : `${problem.key}: `
  return `${problem.file}:${problem.line}:${problem.column} ${key}${problem.message}${found}`
}
