import type { Simulator } from '../../contract/index.js'
import { freshId, runUntil, withPem } from '../../contract/simulate.js'
import { MAGIC_NUMBERS } from './magic.js'
import { startMmsc } from './mmsc.js'
import { mmscOptionsSchema } from './options.js'

const PORT = 7007
const KEEP = 100

/** On the command line certificate and key are files, and nobody looks at what is kept but a cancellation. */
const commandOptionsSchema = mmscOptionsSchema.extend({
  port: mmscOptionsSchema.shape.port.unwrap().default(PORT).meta({ description: 'Port; 0 lets the system choose.' }),
  keep: mmscOptionsSchema.shape.keep.unwrap().default(KEEP).meta({ description: 'Messages that can be cancelled.' }),
  cert: mmscOptionsSchema.shape.cert.meta({
    description: 'File with the certificate (PEM); with key it makes the centre speak TLS.',
  }),
  key: mmscOptionsSchema.shape.key.meta({ description: 'File with the key of the certificate (PEM).' }),
})

/** `causeway simulate mmsc`: an MMSC to try the adapter against. */
export const mmscSimulator: Simulator = {
  summary: 'MMS centre (MM7, releases 5 and 6) with handsets; numbers +999…NN force outcomes',
  options: commandOptionsSchema,
  async run(options, log, stop) {
    const mmsc = await startMmsc(commandOptionsSchema.parse({ firstId: freshId(), ...withPem(options) }))
    log.info({ port: mmsc.port, url: mmsc.url }, 'MMS centre listens')
    for (const [ending, { says }] of Object.entries(MAGIC_NUMBERS).sort()) log.info(`+999…${ending}: ${says}`)
    mmsc.events.on('submit', ({ id, from, to, subject, parts, status }) =>
      log.debug({ id, from, to, subject: subject.length, parts: parts.map(({ type }) => type), status }, 'SubmitReq'),
    )
    mmsc.events.on('cancel', (id) => log.debug({ id }, 'CancelReq'))
    await runUntil(stop, log, () => ({ ...mmsc.counts, waiting: mmsc.waiting() }))
    await mmsc.stop()
  },
}
