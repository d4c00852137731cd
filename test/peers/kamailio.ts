import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../scripts/rig/gateway.js'
import { run } from '../../scripts/rig/program.js'

export interface Core {
  readonly host: string
  /** The port devices use. */
  readonly device: number
  /** Requests it has taken, in order: who they came from, and the function that was to be next on their Route. */
  readonly hops: readonly Hop[]
  /** Rejects when it ends. */
  readonly died: Promise<never>
  close(): Promise<void>
}

/** A request as Kamailio saw it: method and Request-URI, from where, and the user part of its topmost Route. */
export interface Hop {
  readonly request: string
  readonly from: 'device' | 'gateway' | 'peer'
  readonly route: string
}

const HOP = /HOP (\S+ \S+) from \S+ to port (\d+) by (?:<sip:([^@>]*)@)?/

/** Starts the core of conf/kamailio, Debian's Kamailio, with these ports. It answers a little later. */
export function startKamailio(ports: {
  readonly host: string
  readonly device: number
  readonly isc: number
  readonly gateway: number
  /** Port of the application server of SIMPLE IM. */
  readonly im?: number
  /** Another network than that of the example. */
  readonly domain?: string
  /** A network beside it: its domain, and where our requests reach it and its ones us. */
  readonly peer?: { readonly domain: string; readonly host: string; readonly port: number; readonly ownPort: number }
}): Core {
  const hops: Hop[] = []
  const note = (line: string): void => {
    const [, request, port, route = ''] = HOP.exec(line) ?? []
    const from = Number(port) === ports.isc ? 'gateway' : Number(port) === ports.peer?.ownPort ? 'peer' : 'device'
    if (request !== undefined) hops.push({ request, from, route })
  }
  const { domain, peer } = ports
  const folder = mkdtempSync(join(tmpdir(), 'causeway-kamailio-'))
  const program = run(
    'kamailio',
    [
      ...['-DD', '-E', '-m', '32', '-M', '8', '-Y', folder, '-w', folder],
      ...['-A', `CORE_HOST=${ports.host}`, '-A', `DEVICE_PORT=${ports.device}`, '-A', `ISC_PORT=${ports.isc}`],
      ...['-A', `ISC_ADDRESS="${ports.host}:${ports.isc}"`, '-A', `GATEWAY_ADDRESS="127.0.0.1:${ports.gateway}"`],
      ...(ports.im === undefined ? [] : ['-A', `IM_ADDRESS="127.0.0.1:${ports.im}"`]),
      ...(domain === undefined ? [] : ['-A', `HOME_DOMAIN="${domain}"`, '-A', `GROUP_DOMAIN="groups.${domain}"`]),
      ...(peer === undefined
        ? []
        : [
            ...[
              '-A',
              `PEER_DOMAINS="^(groups[.])?${peer.domain.replaceAll('.', '[.]')}$"`,
              '-A',
              `PEER_PORT=${peer.ownPort}`,
            ],
            ...['-A', `PEER_HOST="${peer.host}"`, '-A', `PEER_ADDRESS="${peer.host}:${peer.port}"`],
            ...['-A', `OWN_ADDRESS="${ports.host}:${peer.ownPort}"`],
          ]),
      ...['-A', 'HOPS'],
      ...['-f', join(ROOT, 'conf/kamailio/kamailio.cfg')],
    ],
    // Debian has it in /usr/sbin, which is not on everybody's path.
    { env: { PATH: `${process.env.PATH}:/usr/sbin` }, keeps: () => false, onLine: note },
  )
  const died = program.gone.then((code) => {
    throw new Error(`Kamailio ended with ${code}:\n${program.tail()}`)
  })
  died.catch(() => undefined)
  return {
    host: ports.host,
    device: ports.device,
    hops,
    died,
    async close() {
      await program.end('SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
