import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../../scripts/rig/gateway.js'
import { run } from '../../../scripts/rig/program.js'

export interface PresencePeer {
  /** Rejects when it ends. */
  readonly died: Promise<never>
  close(): Promise<void>
}

/** Tables of Debian's package, empty. */
const TABLES = '/usr/share/kamailio/dbtext/kamailio'

/** Starts Debian's Kamailio as a presence server, which answers a little later; users have the rules of `rules`, by the user part of their address. */
export function startKamailioPresence(
  ports: { readonly own: number; readonly gateway: number },
  domain: string,
  rules: Readonly<Record<string, string>>,
): PresencePeer {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-presence-'))
  cpSync(TABLES, folder, { recursive: true })
  const escaped = (text: string): string => text.replace(/[:\\]/g, '\\$&').replace(/\n/g, ' ')
  const rows = Object.entries(rules).map(
    ([user, document], index) => `${index + 1}:${user}:${domain}:${escaped(document)}:2:etag${index}:0:index:5060\n`,
  )
  writeFileSync(join(folder, 'xcap'), readFileSync(join(folder, 'xcap'), 'utf8') + rows.join(''))
  const address = `127.0.0.1:${ports.own}`
  const program = run(
    'kamailio',
    [
      ...['-DD', '-E', '-m', '32', '-M', '8', '-Y', folder, '-w', folder],
      ...['-A', `PS_ADDRESS=${address}`, '-A', `PS_SERVER="sip:${address}"`, '-A', `PS_TABLES="text://${folder}"`],
      ...['-A', `PS_GATEWAY="sip:127.0.0.1:${ports.gateway}"`],
      ...['-f', join(ROOT, 'test/peers/kamailio-presence/kamailio.cfg')],
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
