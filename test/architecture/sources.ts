import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Top of the repository. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..')

export interface Source {
  /** Relative to the repository, with slashes. */
  readonly path: string
  readonly text: string
}

/** Every file below `folder` with one of these endings, but for what is generated or installed. */
export function sources(folder: string, endings: readonly string[]): readonly Source[] {
  const found: Source[] = []
  const walk = (directory: string): void => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) {
        if (!['node_modules', 'dist', 'var', 'vectors', '.git'].includes(entry.name)) walk(path)
      } else if (endings.some((ending) => entry.name.endsWith(ending))) {
        found.push({ path: relative(ROOT, path).split(sep).join('/'), text: readFileSync(path, 'utf8') })
      }
    }
  }
  walk(join(ROOT, folder))
  return found
}

/** TypeScript of the product: what runs in production. */
export const product = (): readonly Source[] => [...sources('gateway', ['.ts']), ...sources('adapters', ['.ts'])]

/** Module specifiers a file imports or re-exports, static and dynamic. */
export function imports(source: Source): readonly string[] {
  const found = source.text.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*['"]([^'"\n]+)['"]/g)
  return [...found].map(([, specifier]) => specifier ?? '')
}

/** The repository path a relative specifier points to; undefined for a package. */
export function target(source: Source, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const path = resolve(ROOT, dirname(source.path), specifier)
  return relative(ROOT, path).split(sep).join('/').replace(/\.js$/, '.ts')
}
