import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../../scripts/rig/gateway.js'
import { run } from '../../../scripts/rig/program.js'

/** Empty tables of db_text, as Debian ships them. */
const TABLES = '/usr/share/kamailio/dbtext/kamailio'

export interface NotifyingCore {
  /** Rejects when it ends. */
  readonly died: Promise<never>
  close(): Promise<void>
}

/** Starts Debian's Kamailio as a core that notifies of registrations (core.cfg). It answers a little later. */
export function startNotifyingCore(options: {
  readonly host: string
  readonly port: number
  readonly gateway: string
}): NotifyingCore {
  if (!existsSync(TABLES)) throw new Error(`${TABLES} is missing: apt-get install kamailio kamailio-presence-modules`)
  const folder = mkdtempSync(join(tmpdir(), 'causeway-reginfo-'))
  cpSync(TABLES, folder, { recursive: true })
  const { host, port, gateway } = options
  const strings = { CORE_URI: `sip:${host}:${port}`, GATEWAY_URI: gateway, DB_URL: `text://${folder}` }
  const defines = [
    ...[`CORE_HOST=${host}`, `CORE_PORT=${port}`],
    ...Object.entries(strings).map(([name, value]) => `${name}="${value}"`),
  ]
  const program = run(
    'kamailio',
    [
      ...['-DD', '-E', '-m', '32', '-M', '8', '-Y', folder, '-w', folder],
      ...defines.flatMap((define) => ['-A', define]),
      ...['-f', join(ROOT, 'test/peers/kamailio-reginfo/core.cfg')],
    ],
    // Debian has it in /usr/sbin, which is not on everybody's path.
    { env: { PATH: `${process.env.PATH}:/usr/sbin` }, keeps: () => false },
  )
  const died = program.gone.then((code) => {
    throw new Error(`Kamailio ended with ${code}:\n${program.tail()}`)
  })
  died.catch(() => undefined)
  return {
    died,
    async close() {
      await program.end('SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
