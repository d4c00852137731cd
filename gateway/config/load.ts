import { z } from 'zod'
import { type LoadedAdapter, loadAdapters } from './adapters.js'
import { advise, checkConfig } from './check.js'
import { issuesToProblems } from './issues.js'
import { ConfigError, type ConfigProblem } from './problem.js'
import { type Config, configSchema } from './schema.js'
import { schemaTree } from './schema-tree.js'
import { resolveSecrets } from './secrets.js'
import { type ConfigSource, noSource, readSource } from './source.js'

export { ConfigError, type ConfigProblem, problemLine } from './problem.js'

export interface LoadedConfig {
  readonly config: Config
  /** In the order of the file. */
  readonly adapters: readonly LoadedAdapter[]
  /** Path of the file; absent when everything is default. */
  readonly file?: string
  /** Not wrong, but worth a second look. */
  readonly advice: readonly ConfigProblem[]
}

/**
 * Reads and checks a configuration; without a file, everything is embedded and on loopback. Secrets come from `env` and
 * from files. Throws ConfigError with every problem found.
 */
export async function loadConfig(file: string | undefined, env: NodeJS.ProcessEnv): Promise<LoadedConfig> {
  const source = file === undefined ? noSource : await readSource(file)
  const { data, secret, problems } = await resolveSecrets(source, env)
  const missing = new Set(problems.map(({ key }) => key)) // told once: what a missing secret breaks is not news
  const refuse = (found: readonly ConfigProblem[]) =>
    new ConfigError(inOrder([...problems, ...found.filter(({ key }) => !missing.has(key))]).map(hiding(secret)))
  const parsed = configSchema.safeParse(data)
  if (!parsed.success) {
    const context = { source, data, at: [], schema: schemaTree(configSchema) }
    throw refuse([...issuesToProblems(parsed.error.issues, context), ...(await adapterProblems(data, source))])
  }
  const config = parsed.data
  const loaded = await loadAdapters(config.adapters, source)
  const found = [...loaded.problems, ...checkConfig(config, source)]
  if (problems.length + found.length > 0) throw refuse(found)
  return { config, adapters: loaded.adapters, advice: advise(config, source), ...(file === undefined ? {} : { file }) }
}

/** What is wrong with the adapters' own options is told at once with what is wrong elsewhere. */
async function adapterProblems(data: unknown, source: ConfigSource): Promise<readonly ConfigProblem[]> {
  const adapters = z.looseObject({ adapters: configSchema.shape.adapters }).safeParse(data)
  return adapters.success ? (await loadAdapters(adapters.data.adapters, source)).problems : []
}

/** What came from the environment or a file is not printed, whatever its key is called. */
const hiding =
  (secret: ReadonlySet<string>) =>
  (problem: ConfigProblem): ConfigProblem =>
    problem.found !== undefined && secret.has(problem.key) ? { ...problem, found: '(hidden)' } : problem

const inOrder = (problems: readonly ConfigProblem[]): ConfigProblem[] =>
  [...problems].sort((a, b) => a.line - b.line || a.column - b.column)
