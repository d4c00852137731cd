import type { Simulator } from '../../contract/index.js'
import { freshId, runUntil, withPem } from '../../contract/simulate.js'
import { MAGIC_NUMBERS } from './magic.js'
import { smscOptionsSchema } from './options.js'
import { startSmsc } from './smsc.js'

/** On the command line certificate and key are files, and the port is the one registered for SMPP. */
const commandOptionsSchema = smscOptionsSchema.extend({
  port: smscOptionsSchema.shape.port.unwrap().default(2775).meta({ description: 'Port; 0 lets the system choose.' }),
  cert: smscOptionsSchema.shape.cert.meta({
    description: 'File with the certificate (PEM); with key it makes the centre speak TLS.',
  }),
  key: smscOptionsSchema.shape.key.meta({ description: 'File with the key of the certificate (PEM).' }),
})

/** `causeway simulate smsc`: a message centre to try the adapter against. */
export const smscSimulator: Simulator = {
  summary: 'SMS message centre (SMPP 3.4/5.0) with handsets; numbers +999…NN force outcomes',
  options: commandOptionsSchema,
  async run(options, log, stop) {
    const settings = commandOptionsSchema.parse({ firstId: freshId(), ...withPem(options) })
    const smsc = await startSmsc(settings)
    log.info({ port: smsc.port }, 'message centre listens')
    for (const [ending, { says }] of Object.entries(MAGIC_NUMBERS).sort()) log.info(`+999…${ending}: ${says}`)
    smsc.events.on('bind', (client) => log.info({ systemId: client.systemId(), kind: client.kind() }, 'client bound'))
    smsc.events.on('gone', (client) => log.info({ systemId: client.systemId() }, 'client gone'))
    smsc.events.on('submit', ({ id, from, to, text, status }) =>
      log.debug({ id, from, to, status, length: text.length }, 'submit_sm'),
    )
    smsc.events.on('acknowledged', (reference, stat) => log.debug({ reference, stat }, 'handset is told'))
    await runUntil(stop, log, () => ({ ...smsc.counts, waiting: smsc.waiting() }))
    await smsc.stop()
  },
}
