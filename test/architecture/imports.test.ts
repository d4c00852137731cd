import { expect, test } from 'vitest'
import { imports, product, type Source, target } from './sources.js'

/** Rooms a room may import from, beside itself; what is not named here is forbidden. `*` is every room of gateway/. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'gateway/cpm': [],
  'adapters/contract': ['gateway/cpm'],
  'gateway/config': ['gateway/cpm', 'adapters/contract'],
  'gateway/sip-server': ['gateway/cpm'],
  'gateway/msrp': ['gateway/cpm'],
}
/** Rooms of decisions: they touch no socket, PDU or XML tree. */
const PURE = ['gateway/conversation', 'gateway/presence', 'gateway/interworking']
const FORBIDDEN_IN_PURE = [
  /^(node:)?(net|dgram|tls|http|https|http2|dns)(\/|$)/,
  /^(ioredis|bullmq|fastify|drachtio-srf|saxes|smpp)(\/|$)/,
]
/** Files that know all parts: the composition root and the command line. */
const ROOTS = /^gateway\/(appliance|main)\.ts$|^gateway\/cli\//

const room = (path: string): string => path.split('/').slice(0, 2).join('/').replace(/\.ts$/, '')
const isAdapter = (name: string): boolean => name.startsWith('adapters/') && name !== 'adapters/contract'

interface Import {
  readonly from: Source
  readonly to: string
}
const internal: readonly Import[] = product().flatMap((from) =>
  imports(from).flatMap((specifier) => {
    const to = target(from, specifier)
    return to === undefined ? [] : [{ from, to }]
  }),
)
const violations = (breaks: (edge: Import) => boolean): readonly string[] =>
  internal.filter(breaks).map((edge) => `${edge.from.path} imports ${edge.to}`)

test('cpm imports nothing of ours; the contract, the configuration and the protocol stacks only what is allowed', () => {
  const strict = Object.keys(ALLOWED)
  const bad = violations(
    ({ from, to }) =>
      strict.includes(room(from.path)) && room(to) !== room(from.path) && !ALLOWED[room(from.path)]?.includes(room(to)),
  )
  expect(bad).toEqual([])
})

test('an adapter imports only itself, the contract and cpm', () => {
  const bad = violations(
    ({ from, to }) =>
      isAdapter(room(from.path)) && ![room(from.path), 'adapters/contract', 'gateway/cpm'].includes(room(to)),
  )
  expect(bad).toEqual([])
})

test('nothing in gateway imports an adapter', () => {
  const bad = violations(({ from, to }) => from.path.startsWith('gateway/') && isAdapter(room(to)))
  expect(bad).toEqual([])
})

test('rooms of decisions touch no socket, store, PDU or XML tree', () => {
  const bad = product()
    .filter((source) => PURE.includes(room(source.path)))
    .flatMap((source) =>
      imports(source)
        .filter((specifier) => FORBIDDEN_IN_PURE.some((forbidden) => forbidden.test(specifier)))
        .map((specifier) => `${source.path} imports ${specifier}`),
    )
  expect(bad).toEqual([])
})

test('only the composition root and the command line know all parts', () => {
  const bad = violations(({ from, to }) => /^gateway\/(appliance|main)\.ts$/.test(to) && !ROOTS.test(from.path))
  expect(bad).toEqual([])
})

test('modules do not import in a circle', () => {
  const next = new Map<string, string[]>()
  for (const { from, to } of runtimeImports()) next.set(from, [...(next.get(from) ?? []), to])
  expect(circle(next)).toEqual([])
})

test('relative imports name the emitted file', () => {
  const bad = product().flatMap((source) =>
    imports(source)
      .filter((specifier) => specifier.startsWith('.') && !/\.(js|json)$/.test(specifier))
      .map((specifier) => `${source.path}: ${specifier}`),
  )
  expect(bad).toEqual([])
})

/** Imports that exist when the program runs: `import type` does not. */
function runtimeImports(): readonly { from: string; to: string }[] {
  const without = (source: Source): Source => ({
    ...source,
    text: source.text.replace(/^(?:import|export) type [^'"]*['"][^'"]*['"]/gm, ''),
  })
  return product().flatMap((source) =>
    imports(without(source)).flatMap((specifier) => {
      const to = target(source, specifier)
      return to === undefined ? [] : [{ from: source.path, to }]
    }),
  )
}

/** The first circle found, as the files on it. */
function circle(next: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>()
  const walk = (file: string, way: readonly string[]): readonly string[] => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file]
    if (done.has(file)) return []
    for (const to of next.get(file) ?? []) {
      const found = walk(to, [...way, file])
      if (found.length > 0) return found
    }
    done.add(file)
    return []
  }
  for (const file of next.keys()) {
    const found = walk(file, [])
    if (found.length > 0) return found
  }
  return []
}
