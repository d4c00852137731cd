import { readFile, stat } from 'node:fs/promises'
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml'
import { ConfigError, type ConfigProblem } from './problem.js'

export type KeyPath = readonly (string | number)[]

/** A configuration as written, with the place of every key. */
export interface ConfigSource {
  /** Path of the file as given; absent when there is none and everything is default. */
  readonly file?: string
  /** Plain data. */
  readonly data: unknown
  /** A problem at this key, or at the nearest key above it that was written. */
  problem(path: KeyPath, message: string, found?: string): ConfigProblem
}

const MAX_BYTES = 1_048_576
const MAX_ALIASES = 100

/** What stands for a configuration without a file. */
export const noSource: ConfigSource = {
  data: {},
  problem: (path, message, found) => ({
    file: '(defaults)',
    line: 1,
    column: 1,
    key: path.join('.'),
    message,
    ...(found === undefined ? {} : { found }),
  }),
}

/** Reads a YAML file of at most 1 MiB. Throws ConfigError when it cannot be read or is not YAML. */
export async function readSource(file: string): Promise<ConfigSource> {
  try {
    const { size } = await stat(file)
    if (size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} octets`)
    return parseSource(file, await readFile(file, 'utf8'))
  } catch (error) {
    if (error instanceof ConfigError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new ConfigError([{ file, line: 1, column: 1, key: '', message: `cannot be read: ${why}` }])
  }
}

/** Parses YAML text; `file` is for messages only. Throws ConfigError. */
export function parseSource(file: string, text: string): ConfigSource {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number, key: string, message: string, found?: string): ConfigProblem => {
    const { line, col } = lines.linePos(offset)
    return { file, line, column: col, key, message, ...(found === undefined ? {} : { found }) }
  }
  if (document.errors.length > 0)
    throw new ConfigError(document.errors.map((error) => at(error.pos[0], '', error.message.replace(/\.?\s*$/, ''))))
  return {
    file,
    data: toData(file, document),
    problem: (path, message, found) => at(offsetOf(document, path), path.join('.'), message, found),
  }
}

function toData(file: string, document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES }) ?? {} // an empty file is a configuration of defaults
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new ConfigError([{ file, line: 1, column: 1, key: '', message }])
  }
}

/** Where the key of a path was written; of a sequence's item, the item. */
function offsetOf(document: Document, path: KeyPath): number {
  let node: Node | null | undefined = document.contents
  let offset = node?.range?.[0] ?? 0
  for (const step of path) {
    const into: Node | null | undefined = isAlias(node) ? node.resolve(document) : node
    if (isMap(into)) {
      const pair: Pair | undefined = into.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
      if (!pair) return offset
      offset = (pair.key as Node).range?.[0] ?? offset
      node = pair.value as Node | null
    } else if (isSeq(into)) {
      const item = into.items[Number(step)] as Node | undefined
      if (!item) return offset
      offset = item.range?.[0] ?? offset
      node = item
    } else return offset
  }
  return offset
}
