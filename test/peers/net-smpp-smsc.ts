import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LogLine, type Program, run } from '../../scripts/rig/program.js'

const SCRIPT = join(dirname(fileURLToPath(import.meta.url)), 'net-smpp-smsc.pl')

/** A submit_sm as Net::SMPP read it. */
export interface SeenSubmit {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly esmClass: number
  readonly dataCoding: number
  readonly registered: number
  readonly octets: Buffer
}

export interface PerlSmsc {
  readonly port: number
  nextSubmit(): Promise<SeenSubmit>
  nextEvent(event: string): Promise<LogLine>
  /** A handset writes; waits until the gateway has acknowledged every part. Returns the number of parts. */
  handsetWrites(message: { from: string; to: string; text: string }): Promise<number>
  close(): Promise<void>
}

/** Starts the message centre written in Perl on Net::SMPP. */
export async function startPerlSmsc(): Promise<PerlSmsc> {
  const program: Program = run('perl', [SCRIPT])
  const event = (name: string): Promise<LogLine> =>
    program.log.next(`${name} at the message centre`, (line) => line.event === name, 20_000)
  const { port } = await event('listening')
  return {
    port: Number(port),
    nextEvent: event,
    async nextSubmit() {
      const line = await event('submit_sm')
      return {
        id: String(line.id),
        from: String(line.source_addr),
        to: String(line.destination_addr),
        esmClass: Number(line.esm_class),
        dataCoding: Number(line.data_coding),
        registered: Number(line.registered_delivery),
        octets: Buffer.from(String(line.short_message), 'hex'),
      }
    },
    async handsetWrites(message) {
      program.write(JSON.stringify({ mo: message }))
      const parts = Number((await event('mo')).parts)
      for (let part = 0; part < parts; part++) {
        const { status } = await event('deliver_sm_resp')
        if (status !== 0) throw new Error(`deliver_sm was refused with ${status}`)
      }
      return parts
    },
    close: () => program.end('SIGTERM'),
  }
}
