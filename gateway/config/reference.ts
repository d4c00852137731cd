import { markdownTable } from './markdown.js'
import type { SchemaNode } from './schema-tree.js'
import { inUnits } from './units.js'

/** A configuration schema as it appears in the reference: the gateway's own, or an adapter's options. */
export interface ReferencePart {
  readonly title: string
  /** Where its keys stand, e.g. `adapters.<name>`; empty for the top. */
  readonly at: string
  readonly schema: SchemaNode
}

/** The reference of all keys in Markdown: one table for each group, generated from the schemas. */
export function referencePage(parts: readonly ReferencePart[]): string {
  const chapters = parts.map(({ title, at, schema }) => [`## ${title}`, ...group(at, schema)].join('\n\n'))
  return `${[HEAD, ...chapters].join('\n\n')}\n`
}

const HEAD = `# Configuration reference

Generated from the schema by \`npm run docs\`; a test fails when it is stale. \`causeway check --config FILE\` checks a file.

- A duration is a number and \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`; a size is a number and \`B\`, \`kB\`, \`KiB\`, \`MB\` or \`MiB\`; no space between.
- Any text may hold \`\${env:NAME}\` or \`\${file:/path}\`; the value is read at the start and never printed.
- \`<name>\` is a name of your choice. A key without default must be set where its group is used, unless it says optional.`

/** The tables of an object and of everything below it. */
function group(at: string, node: SchemaNode): string[] {
  const entries = Object.entries(node.properties ?? {})
  const leaves = entries.filter(([, child]) => !isGroup(child))
  const tables = leaves.length === 0 ? [] : [table(at, node, leaves)]
  const nested = entries.flatMap(([name, child]) =>
    below(join(at, name), markOptional(child, node.required?.includes(name))),
  )
  return [...tables, ...nested]
}

/** A group that need not be there says so. */
function markOptional(node: SchemaNode, required = false): SchemaNode {
  if (!node.properties || required || node.default !== undefined) return node
  return { ...node, description: `Optional. ${node.description ?? ''}`.trim() }
}

/** Groups under a key: its own keys, those of each name in a record, of each item, and of each alternative. */
function below(path: string, node: SchemaNode): string[] {
  if (node.properties) return group(path, node)
  if (typeof node.additionalProperties === 'object') return below(`${path}.<name>`, node.additionalProperties)
  if (node.items) return below(`${path}[]`, node.items)
  return (node.anyOf ?? []).flatMap((alternative) => below(path, alternative))
}

function table(at: string, node: SchemaNode, leaves: readonly (readonly [string, SchemaNode])[]): string {
  const rows = leaves.map(([name, child]) => [
    `\`${name}\``,
    typeText(child),
    defaultText(child, node.required?.includes(name) ?? false),
    prose(child.description ?? ''),
  ])
  const intro = node.description === undefined ? [] : [prose(node.description), '']
  const heading = `### ${at === '' ? 'Top level' : `\`${at}\``}`
  return [heading, '', ...intro, markdownTable(['Key', 'Value', 'Default', 'Meaning'], rows)].join('\n')
}

/** Outside of code, Markdown takes `<name>` for a tag. */
const prose = (text: string) => text.replaceAll('<', '&lt;')
const join = (at: string, name: string) => (at === '' ? name : `${at}.${name}`)
/** Shown as a table of its own and not as a row. */
const isGroup = (node: SchemaNode) => node.properties !== undefined

function typeText(node: SchemaNode): string {
  if (node.anyOf) return node.anyOf.map(typeText).join(' or ')
  if (node.const !== undefined) return `\`${String(node.const)}\``
  if (node.enum) return node.enum.map((value) => `\`${String(value)}\``).join(', ')
  if (node.properties)
    return `keys ${Object.keys(node.properties)
      .map((name) => `\`${name}\``)
      .join(', ')}`
  if (typeof node.additionalProperties === 'object') {
    const { properties } = node.additionalProperties
    return properties ? 'named groups, see below' : `${typeText(node.additionalProperties)} by name`
  }
  if (node.items) return node.items.properties ? 'list of groups, see below' : `list of ${typeText(node.items)}`
  if (node.unit !== undefined) return node.unit
  if (node.type === 'string') return typeof node.default === 'number' ? 'duration' : 'text'
  if (node.type === 'integer' || node.type === 'number')
    return `${node.type === 'integer' ? 'whole number' : 'number'}${bounds(node)}`
  return node.type === 'boolean' ? '`true` or `false`' : (node.type ?? 'any')
}

function bounds({ minimum, maximum }: SchemaNode): string {
  const high = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? undefined : maximum
  const low = minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? undefined : minimum
  if (low === undefined && high === undefined) return ''
  if (high === undefined) return `, at least ${low}`
  return low === undefined ? `, at most ${high}` : ` ${low}–${high}`
}

function defaultText(node: SchemaNode, required: boolean): string {
  if (node.default === undefined) return required ? '**must be set**' : 'optional'
  const text = defaultValue(node)
  return text === '' ? 'empty' : `\`${text}\``
}

/** The default as it would be written in the file. A number behind a text is a transformed duration (see units.ts). */
export function defaultValue(node: SchemaNode): string {
  const { default: value } = node
  if (typeof value === 'number' && node.type === 'string')
    return inUnits(node.unit === 'size' ? 'size' : 'duration', value)
  if (typeof value === 'string') return value
  return JSON.stringify(value).replaceAll('"', '').replaceAll(',', ', ')
}
