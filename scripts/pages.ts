import { xmppMetrics } from '../adapters/im-xmpp/metrics.js'
import { mmsMetrics } from '../adapters/mms-mm7/metrics.js'
import { smsMetrics } from '../adapters/sms-smpp/metrics.js'
import { BUILT_IN, loadModule } from '../gateway/config/adapters.js'
import { type ReferencePart, referencePage } from '../gateway/config/reference.js'
import { samplePage } from '../gateway/config/sample.js'
import { configSchema } from '../gateway/config/schema.js'
import { schemaTree } from '../gateway/config/schema-tree.js'
import { createMetrics } from '../gateway/observe/metrics.js'
import { metricsPage } from '../gateway/observe/metrics-reference.js'

/** The pages of `conf/` that are generated from the code, by their path in the repository. */
export async function generatedPages(): Promise<Readonly<Record<string, string>>> {
  const gateway = schemaTree(configSchema)
  const adapters = await Promise.all(
    BUILT_IN.map(async (name): Promise<ReferencePart> => {
      const { options } = await loadModule(name)
      return { title: `Adapter module ${name}`, at: 'adapters.<name>', schema: schemaTree(options) }
    }),
  )
  return {
    'conf/REFERENCE.md': referencePage([{ title: 'Gateway', at: '', schema: gateway }, ...adapters]),
    'conf/METRICS.md': metricsPage(describedMetrics()),
    'conf/sample.yaml.dist': samplePage(gateway),
  }
}

/** Every metric registered, with sources that have nothing to tell. */
function describedMetrics() {
  const metrics = createMetrics()
  metrics.observe({
    lanes: async () => [],
    failed: async () => 0,
    sessions: () => ({ dialog: 0, msrp: 0, group: 0, guest: 0 }),
    adapters: () => [],
    sipServer: () => Promise.reject(new Error('never asked')),
  })
  smsMetrics(metrics.registry, 'sms')
  mmsMetrics(metrics.registry, 'mms')
  xmppMetrics(metrics.registry, 'xmpp')
  return metrics
}
