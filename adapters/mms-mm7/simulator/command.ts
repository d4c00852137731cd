import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Simulator } from '../../contract/index.js'
import { MAGIC_NUMBERS } from './magic.js'
import { startMmsc } from './mmsc.js'
import { mmscOptionsSchema } from './options.js'

const SAY_EVERY_MS = 10_000
const MAX_FIRST_ID = 1_000_000_000
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
    // Ids of a centre do not come again when it restarts: the gateway still knows those of before.
    const firstId = Math.floor(Date.now() / 100) % MAX_FIRST_ID
    const mmsc = await startMmsc(commandOptionsSchema.parse({ firstId, ...withFiles(options) }))
    log.info({ port: mmsc.port, url: mmsc.url }, 'MMS centre listens')
    for (const [ending, { says }] of Object.entries(MAGIC_NUMBERS).sort()) log.info(`+999…${ending}: ${says}`)
    mmsc.events.on('submit', ({ id, from, to, subject, parts, status }) =>
      log.debug({ id, from, to, subject: subject.length, parts: parts.map(({ type }) => type), status }, 'SubmitReq'),
    )
    mmsc.events.on('cancel', (id) => log.debug({ id }, 'CancelReq'))
    const ticker = setInterval(() => log.info({ ...mmsc.counts, waiting: mmsc.waiting() }, 'so far'), SAY_EVERY_MS)
    if (!stop.aborted) await once(stop, 'abort')
    clearInterval(ticker)
    await mmsc.stop()
  },
}

/** Certificate and key are named as files on the command line. */
function withFiles(options: Readonly<Record<string, string>>): Record<string, string> {
  const read = { ...options }
  for (const name of ['cert', 'key']) {
    const file = options[name]
    if (file !== undefined) read[name] = readFileSync(file, 'utf8')
  }
  return read
}
