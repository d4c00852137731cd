import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../gateway/cpm/clock.js'
import type { MsrpEndpoint } from '../../../gateway/msrp/endpoint.js'
import { leaseRelay, RelayRefused } from '../../../gateway/msrp/relay-client.js'
import { parseUri } from '../../../gateway/msrp/wire/uri.js'
import { ROOT } from '../../../scripts/rig/gateway.js'
import { freePort } from '../../../scripts/rig/ports.js'
import { type Program, run } from '../../../scripts/rig/program.js'
import { digestFor } from '../../msrp/digest.js'
import { party, startEndpoint } from '../../msrp/rig.js'

/** Debian's Kamailio as an MSRP relay: a stack that is not ours reads all we write, and writes what we read. */
describe('MSRP through the relay of Kamailio', () => {
  let port: number
  let kamailio: Program
  const folder = mkdtempSync(join(tmpdir(), 'causeway-relay-'))

  beforeAll(async () => {
    port = await freePort()
    await new Promise<void>((resolve, reject) => {
      kamailio = run(
        'kamailio',
        [
          ...['-DD', '-E', '-m', '32', '-M', '8', '-Y', folder, '-w', folder, '-A', `RELAY_PORT=${port}`],
          ...['-f', join(ROOT, 'test/peers/msrp/relay.cfg')],
        ],
        {
          // Debian has it in /usr/sbin, which is not on everybody's path.
          env: { PATH: `${process.env.PATH}:/usr/sbin` },
          keeps: () => false,
          onLine: (line) => line.includes('relay ready') && resolve(),
        },
      )
      kamailio.gone.then((code) => reject(new Error(`Kamailio ended with ${code}:\n${kamailio.tail()}`)))
    })
  })
  afterAll(async () => {
    await kamailio?.end('SIGTERM')
    rmSync(folder, { recursive: true, force: true })
  })

  function lease(endpoint: MsrpEndpoint, password: string) {
    const relay = parseUri(`msrp://127.0.0.1:${port};tcp`)
    if (relay === undefined) throw new Error('no URI')
    return leaseRelay({
      relay,
      clock: systemClock,
      connect: (target) => endpoint.connect(target),
      authorize: digestFor('gateway', password),
      expires: 10,
    })
  }

  test('it lets us in by digest and for its own time, and not with a wrong password', async () => {
    const endpoint = await startEndpoint()
    const { usePath, release } = await lease(endpoint, 'secret')
    expect(usePath).toMatchObject([{ host: '127.0.0.1', port }])
    release()
    await expect(lease(endpoint, 'wrong')).rejects.toThrow(RelayRefused)
  })

  test('messages and success reports pass through it both ways, a long one in many chunks', async () => {
    const [here, there] = [await startEndpoint(), await startEndpoint()]
    const behind = party(here, {}, { relay: await lease(here, 'secret') })
    const outside = party(there)
    behind.session.start({ role: 'passive', remotePath: outside.session.path })
    outside.session.start({ role: 'active', remotePath: behind.session.path })
    const bodies = ['hi', 'Grüße aus 東京', 'x'.repeat(300_000)].map((text) => Buffer.from(text))
    for (const [from, to] of [
      [outside, behind],
      [behind, outside],
    ] as const) {
      for (const body of bodies) {
        const sent = from.session.send({ contentType: 'text/plain', body, successReport: true })
        expect((await to.texts.next()) === body.toString('latin1')).toBe(true)
        expect(await sent.outcome).toEqual({ kind: 'sent', confirmed: true })
        expect(await sent.report).toMatchObject({ status: 200 })
      }
    }
    // One connection to the relay for each of us: it never had to call.
    expect([here.connections, there.connections]).toEqual([1, 1])
  })
})
