import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../../scripts/rig/gateway.js'
import { freePort } from '../../../scripts/rig/ports.js'
import { run } from '../../../scripts/rig/program.js'

export interface KamailioRelay {
  readonly port: number
  close(): Promise<void>
}

/** Debian's Kamailio as an MSRP relay: a stack that is not ours reads all we write, and writes what we read. */
export async function startKamailioRelay(): Promise<KamailioRelay> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-relay-'))
  const port = await freePort()
  let tellReady: () => void = () => undefined
  const ready = new Promise<void>((resolve) => {
    tellReady = resolve
  })
  const kamailio = run(
    'kamailio',
    [
      ...['-DD', '-E', '-m', '32', '-M', '8', '-Y', folder, '-w', folder, '-A', `RELAY_PORT=${port}`],
      ...['-f', join(ROOT, 'test/peers/msrp/relay.cfg')],
    ],
    {
      // Debian has it in /usr/sbin, which is not on everybody's path.
      env: { PATH: `${process.env.PATH}:/usr/sbin` },
      keeps: () => false,
      onLine: (line) => line.includes('relay ready') && tellReady(),
    },
  )
  const died = kamailio.gone.then((code) =>
    Promise.reject(new Error(`Kamailio ended with ${code}:\n${kamailio.tail()}`)),
  )
  died.catch(() => undefined)
  await Promise.race([ready, died])
  return {
    port,
    async close() {
      await kamailio.end('SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
