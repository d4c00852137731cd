import type { Codec } from './codec.js'
import { fault, type Mm7Fault, STATUS } from './fault.js'
import { node, type XmlElement, type XmlNode } from './xml.js'

/** One element of an operation, at its place in the schema: drives reading, writing and the type. */
export interface Row<
  Key extends string = string,
  Value = unknown,
  Presence extends 'required' | 'optional' | 'repeated' = 'required' | 'optional' | 'repeated',
> {
  readonly key: Key
  readonly element: string
  readonly codec: Codec<Value>
  readonly presence: Presence
  /** Not sent in release 5. */
  readonly release6?: true
}

export const required = <const Key extends string, Value>(
  key: Key,
  element: string,
  codec: Codec<Value>,
): Row<Key, Value, 'required'> => ({ key, element, codec, presence: 'required' })

export const optional = <const Key extends string, Value>(
  key: Key,
  element: string,
  codec: Codec<Value>,
): Row<Key, Value, 'optional'> => ({ key, element, codec, presence: 'optional' })

export const repeated = <const Key extends string, Value>(
  key: Key,
  element: string,
  codec: Codec<Value>,
): Row<Key, Value, 'repeated'> => ({ key, element, codec, presence: 'repeated' })

/** The same row, left out when release 5 is spoken. */
export const since6 = <R extends Row>(row: R): R => ({ ...row, release6: true })

type ValueOf<R> = R extends Row<string, infer Value> ? Value : never
type Pick<Rows extends readonly Row[], Presence extends Row['presence']> = Extract<
  Rows[number],
  { readonly presence: Presence }
>

/** What a layout reads and writes. */
export type FieldsOf<Rows extends readonly Row[]> = {
  readonly [R in Pick<Rows, 'required'> as R['key']]: ValueOf<R>
} & {
  readonly [R in Pick<Rows, 'optional'> as R['key']]?: ValueOf<R>
} & {
  readonly [R in Pick<Rows, 'repeated'> as R['key']]?: readonly ValueOf<R>[]
}

/** How often one element may be repeated before the rest is passed over. */
const REPEATED = 100

/** Reads the elements of a layout in whatever order they come; the first of several counts. Unknown ones are passed over. */
export function readFields<const Rows extends readonly Row[]>(
  rows: Rows,
  element: XmlElement,
): FieldsOf<Rows> | Mm7Fault {
  const fields: Record<string, unknown> = {}
  for (const { key, element: name, codec, presence } of rows) {
    const found = element.children.filter(({ local }) => local === name).slice(0, REPEATED)
    const values = found.map((each) => codec.read(each)).filter((value) => value !== undefined)
    if (presence === 'repeated') {
      if (values.length > 0) fields[key] = values
    } else if (values.length > 0) {
      fields[key] = values[0]
    } else if (presence === 'required') {
      return fault('malformed', STATUS.validationError, `${element.local} without a proper ${name}`)
    }
  }
  return fields as FieldsOf<Rows>
}

/** Writes the elements of a layout in the order of the schema. */
export function writeFields(rows: readonly Row[], fields: object, release: 5 | 6): readonly XmlNode[] {
  const values = fields as Readonly<Record<string, unknown>>
  return rows.flatMap(({ key, element, codec, presence, release6 }) => {
    const value = values[key]
    if (value === undefined || (release6 && release === 5)) return []
    return presence === 'repeated'
      ? (value as readonly unknown[]).map((each) => codec.write(each, element))
      : [codec.write(value, element)]
  })
}

/** An element that holds a layout of its own. One that holds nothing of use is as if it were not there. */
export function group<const Rows extends readonly Row[]>(...rows: Rows): Codec<FieldsOf<Rows>> {
  return {
    read(element) {
      const fields = readFields(rows, element)
      return 'kind' in fields || Object.keys(fields).length === 0 ? undefined : (fields as FieldsOf<Rows>)
    },
    write: (value, name) => node(name, writeFields(rows, value, 6)),
  }
}
