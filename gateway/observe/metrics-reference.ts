import { markdownTable } from '../config/markdown.js'
import type { Metrics } from './metrics.js'

interface Described {
  readonly name: string
  readonly help: string
  readonly type: unknown
  readonly labelNames?: readonly string[]
}

/** The reference of the metrics in Markdown, generated from the registry. */
export function metricsPage(metrics: Pick<Metrics, 'registry'>): string {
  const rows = (metrics.registry.getMetricsAsArray() as unknown as readonly Described[])
    .filter(({ name }) => name.startsWith('causeway_'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labelNames = [], help }) => [
      `\`${name}\``,
      String(type),
      labelNames.map((label) => `\`${label}\``).join(', '),
      help,
    ])
  return `${HEAD}\n${markdownTable(['Name', 'Type', 'Labels', 'Meaning'], rows)}\n`
}

const HEAD = `# Metrics reference

Generated from the registry by \`npm run docs\`; a test fails when it is stale. Served at \`/metrics\` for Prometheus,
together with those of the process (\`process_*\`, \`nodejs_*\`, event loop lag among them). Those of an adapter are named \`causeway_<module>_*\`.
No label ever holds a number, an address or the name of a message.
`
