import type { AdapterModule } from '../../adapters/contract/index.js'
import { issuesToProblems } from './issues.js'
import { type ConfigProblem, shown } from './problem.js'
import type { Config } from './schema.js'
import { schemaTree } from './schema-tree.js'
import type { ConfigSource } from './source.js'

/** An adapter as configured: its module, and its options as the module's schema gave them back. */
export interface LoadedAdapter {
  /** Key under `adapters`. */
  readonly name: string
  readonly moduleName: string
  readonly module: AdapterModule<unknown>
  readonly options: unknown
}

/** Adapters that come with the gateway; each is a folder of `adapters/`. */
export const BUILT_IN = ['sms-smpp', 'mms-mm7', 'im-xmpp'] as const

export interface CheckedAdapters {
  readonly adapters: readonly LoadedAdapter[]
  readonly problems: readonly ConfigProblem[]
}

/** Loads the modules that the configuration names and checks their options, in the order of the file. */
export async function loadAdapters(configured: Config['adapters'], source: ConfigSource): Promise<CheckedAdapters> {
  const adapters: LoadedAdapter[] = []
  const problems: ConfigProblem[] = []
  for (const [name, { module: moduleName, ...given }] of Object.entries(configured)) {
    const at = ['adapters', name]
    try {
      const module = await loadModule(moduleName)
      const checked = module.options.safeParse(given)
      if (checked.success) adapters.push({ name, moduleName, module, options: checked.data })
      else {
        const schema = schemaTree(module.options)
        problems.push(...issuesToProblems(checked.error.issues, { source, data: given, at, schema }))
      }
    } catch (error) {
      const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)
      const expected = `expected a built-in module (${BUILT_IN.join(', ')}) or an installed npm package (${why})`
      problems.push(source.problem([...at, 'module'], expected, shown(moduleName)))
    }
  }
  return { adapters, problems }
}

/**
 * Imports an adapter's module: a built-in one from the folder beside ours, else an npm package. Throws when there is
 * none or when its default export is not an AdapterModule.
 */
export async function loadModule(name: string): Promise<AdapterModule<unknown>> {
  const loaded: { readonly default?: unknown } = await import(moduleUrl(name))
  if (!isAdapterModule(loaded.default)) throw new Error(`${name} has no adapter as its default export`)
  return loaded.default
}

function moduleUrl(name: string): string {
  if ((BUILT_IN as readonly string[]).includes(name))
    return new URL(`../../adapters/${name}/index.js`, import.meta.url).href
  // A package name only: a path or a URL in the configuration must not run code from anywhere.
  if (!/^(@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*$/.test(name)) throw new Error('not the name of a package')
  return name
}

function isAdapterModule(value: unknown): value is AdapterModule<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'options' in value &&
    'create' in value &&
    typeof value.create === 'function'
  )
}
