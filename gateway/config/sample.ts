import { defaultValue } from './reference.js'
import type { SchemaNode } from './schema-tree.js'

/** A configuration in which every key stands with its sentence and its default, commented out. */
export function samplePage(schema: SchemaNode): string {
  return `# Every key with its default. Check a file of yours with: causeway check --config FILE\n# Generated from the schema; REFERENCE.md has the same as tables.\n\n${lines(schema, 0).join('\n')}\n`
}

function lines(node: SchemaNode, depth: number): string[] {
  const indent = '  '.repeat(depth)
  return Object.entries(node.properties ?? {}).flatMap(([key, child], index) => {
    const space = depth === 0 && index > 0 ? [''] : []
    const said = child.description === undefined ? [] : [`${indent}# ${child.description}`]
    if (child.properties) return [...space, ...said, `# ${indent}${key}:`, ...lines(child, depth + 1)]
    const value = child.default === undefined ? '' : ` ${written(child)}`
    return [...space, ...said, `# ${indent}${key}:${value}`, ...example(child, depth + 1)]
  })
}

const written = (node: SchemaNode): string => (node.default === '' ? '""' : defaultValue(node))

/** Below a record or a list of groups: the keys of one entry. */
function example(node: SchemaNode, depth: number): string[] {
  const indent = '  '.repeat(depth)
  const entry = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined
  if (entry?.properties) return [`# ${indent}<name>:`, ...lines(entry, depth + 1)]
  if (node.items?.properties) return [`# ${indent}-`, ...lines(node.items, depth + 1)]
  return []
}
