import { defaultValue } from './reference.js'
import type { SchemaNode } from './schema-tree.js'

/**
 * A configuration in which every key stands with its sentence and its default, commented out: `##` begins a sentence,
 * and a line works once its single `#` is removed.
 */
export const samplePage = (schema: SchemaNode): string => `${HEAD}\n${lines(schema, 0).join('\n')}\n`

const HEAD = `# Every key with its default; remove the # before a key to set it (and before those it stands under).
# Check a file of yours with: causeway check --config FILE
# Generated from the schema by \`npm run docs\`; REFERENCE.md has the same as tables, and the options of adapters.
`

function lines(node: SchemaNode, depth: number): string[] {
  const indent = '  '.repeat(depth)
  return Object.entries(node.properties ?? {}).flatMap(([key, child], index) => {
    const space = depth === 0 && index > 0 ? [''] : []
    const said = child.description === undefined ? [] : [`${indent}## ${child.description}`]
    const below = [...lines(child, depth + 1), ...example(child, depth + 1)]
    return [...space, ...said, `${indent}#${key}:${below.length > 0 ? '' : value(child)}`, ...below]
  })
}

function value(node: SchemaNode): string {
  if (node.default === undefined) return ''
  return ` ${node.default === '' ? '""' : defaultValue(node)}`
}

/** Below a record or a list of groups: the keys of one entry. */
function example(node: SchemaNode, depth: number): string[] {
  const indent = '  '.repeat(depth)
  const entry = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined
  if (entry?.properties) return [`${indent}#name:`, ...lines(entry, depth + 1)]
  if (node.items?.properties) return [`${indent}#-`, ...lines(node.items, depth + 1)]
  return []
}
