import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../scripts/rig/gateway.js'
import { run } from '../../scripts/rig/program.js'

export interface Core {
  /** Rejects when it ends. */
  readonly died: Promise<never>
  close(): Promise<void>
}

/** Starts the core of conf/kamailio, Debian's Kamailio, with these ports. It answers a little later. */
export function startKamailio(ports: {
  readonly host: string
  readonly device: number
  readonly isc: number
  readonly gateway: number
}): Core {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-kamailio-'))
  const program = run(
    'kamailio',
    [
      ...['-DD', '-E', '-m', '32', '-M', '8', '-Y', folder, '-w', folder],
      ...['-A', `CORE_HOST=${ports.host}`, '-A', `DEVICE_PORT=${ports.device}`, '-A', `ISC_PORT=${ports.isc}`],
      ...['-A', `GATEWAY_URI="sip:orig@127.0.0.1:${ports.gateway};lr"`],
      ...['-f', join(ROOT, 'conf/kamailio/kamailio.cfg')],
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
