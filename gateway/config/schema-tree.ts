import { z } from 'zod'
import type { KeyPath } from './source.js'

/** A schema as a tree to walk (JSON Schema, input side), with defaults also where a transformation follows. */
export interface SchemaNode {
  readonly type?: string
  readonly description?: string
  readonly default?: unknown
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maximum?: number
  readonly minItems?: number
  readonly minLength?: number
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly required?: readonly string[]
  readonly additionalProperties?: SchemaNode | boolean
  readonly propertyNames?: SchemaNode
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  /** See units.ts: the unit in which a transformed default counts. */
  readonly unit?: string
}

export function schemaTree(schema: z.ZodType): SchemaNode {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod
      if (def.type === 'default') jsonSchema.default = structuredClone(def.defaultValue)
    },
  }) as SchemaNode
}

/** Names that may stand under a path, in all alternatives. */
export function knownKeys(schema: SchemaNode, path: KeyPath): string[] {
  const nodes = path.reduce<readonly SchemaNode[]>(
    (here, step) => here.flatMap((node) => below(node, step)),
    alternatives(schema),
  )
  return nodes.flatMap((node) => Object.keys(node.properties ?? {}))
}

function below(node: SchemaNode, step: string | number): readonly SchemaNode[] {
  const named = node.properties?.[String(step)]
  const any = typeof node.additionalProperties === 'object' ? node.additionalProperties : undefined
  const next = named ?? (typeof step === 'number' ? node.items : any)
  return next ? alternatives(next) : []
}

const alternatives = (node: SchemaNode): readonly SchemaNode[] => node.anyOf?.flatMap(alternatives) ?? [node]
