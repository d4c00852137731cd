import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../../gateway/cpm/clock.js'
import type { MsrpEndpoint } from '../../../gateway/msrp/endpoint.js'
import { leaseRelay, type RelayLease, RelayRefused } from '../../../gateway/msrp/relay-client.js'
import { parseUri } from '../../../gateway/msrp/wire/uri.js'
import { digestFor } from '../../msrp/digest.js'
import { party, startEndpoint } from '../../msrp/rig.js'
import { type KamailioRelay, startKamailioRelay } from './relay.js'

/** Debian's Kamailio as an MSRP relay: a stack that is not ours reads all we write, and writes what we read. */
describe('MSRP through the relay of Kamailio', () => {
  let port: number
  let relay: KamailioRelay

  beforeAll(async () => {
    relay = await startKamailioRelay()
    port = relay.port
  })
  afterAll(() => relay?.close())

  function lease(endpoint: MsrpEndpoint, password: string) {
    const uri = parseUri(`msrp://127.0.0.1:${port};tcp`)
    if (uri === undefined) throw new Error('no URI')
    return leaseRelay({
      relay: uri,
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
    let place: RelayLease | undefined
    const [here, there] = [await startEndpoint({ relay: () => place }), await startEndpoint()]
    place = await lease(here, 'secret')
    const behind = party(here)
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
