import { readFile } from 'node:fs/promises'
import type { ConfigProblem } from './problem.js'
import type { ConfigSource, KeyPath } from './source.js'

export interface Resolved {
  readonly data: unknown
  /** Paths (joined by dots) whose value came from outside the file; they are never printed. */
  readonly secret: ReadonlySet<string>
  readonly problems: readonly ConfigProblem[]
}

const REFERENCE = /\$\{(env|file):([^}]*)\}/g
const MAX_SECRET_BYTES = 65_536
const MAX_DEPTH = 32

/**
 * Puts the values of `${env:NAME}` and `${file:/path}` in their places. A final line break of a file is not part of the
 * secret. What is missing is a problem at the line of the key.
 */
export async function resolveSecrets(source: ConfigSource, env: NodeJS.ProcessEnv): Promise<Resolved> {
  const secret = new Set<string>()
  const problems: ConfigProblem[] = []

  async function fetch(kind: string, name: string, path: KeyPath): Promise<string> {
    try {
      const value = kind === 'env' ? env[name] : await readSecret(name)
      if (value !== undefined && value !== '') return value
      problems.push(source.problem(path, `expected the environment variable ${name} to be set`))
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      problems.push(source.problem(path, `expected a readable file ${name} (${why})`))
    }
    return ''
  }

  async function resolve(value: unknown, path: KeyPath): Promise<unknown> {
    if (path.length > MAX_DEPTH) {
      problems.push(source.problem(path, `nested deeper than ${MAX_DEPTH}`))
      return undefined
    }
    if (typeof value === 'string') {
      const references = [...value.matchAll(REFERENCE)]
      if (references.length === 0) return value
      secret.add(path.join('.'))
      const parts: string[] = []
      for (const [, kind = '', name = ''] of references) parts.push(await fetch(kind, name, path))
      return value.replace(REFERENCE, () => parts.shift() ?? '')
    }
    if (Array.isArray(value)) return Promise.all(value.map((item, index) => resolve(item, [...path, index])))
    if (value !== null && typeof value === 'object') {
      const entries = Object.entries(value).map(
        async ([key, item]) => [key, await resolve(item, [...path, key])] as const,
      )
      return Object.fromEntries(await Promise.all(entries))
    }
    return value
  }

  return { data: await resolve(source.data, []), secret, problems }
}

async function readSecret(path: string): Promise<string> {
  const text = await readFile(path, 'utf8')
  if (Buffer.byteLength(text) > MAX_SECRET_BYTES) throw new Error(`larger than ${MAX_SECRET_BYTES} octets`)
  return text.replace(/\r?\n$/, '')
}
