import { describe, expect, it, type TestContext } from 'vitest'
import { freePort } from '../../../scripts/rig/ports.js'
import { lossyRelay } from '../../support/lossy-relay.js'
import { type Application, answering, backToBack, forwarding, openRoom, type Room, SDP } from './application.js'
import { acceleratedClock } from './clock.js'
import { startSipp } from './run.js'

/** The server and its application, until the test is over. */
async function open({ onTestFinished }: TestContext, ...parameters: Parameters<typeof openRoom>): Promise<Room> {
  const room = await openRoom(...parameters)
  onTestFinished(() => room.close())
  return room
}

/** What may not outlive its time. */
async function openThings({ server }: Room): Promise<Record<string, number>> {
  const { serverTransactions, clientTransactions, pendingRequests, dialogs } = await server.stats()
  return { serverTransactions, clientTransactions, pendingRequests, dialogs }
}
const NOTHING = { serverTransactions: 0, clientTransactions: 0, pendingRequests: 0, dialogs: 0 }

describe.concurrent('scenarios of sipp', () => {
  it.for(['uac', 'regexp'])('%s calls an application that answers', async (scenario, context) => {
    const { port } = await open(context, answering)
    await (await startSipp({ scenario, server: port, calls: 20, rate: 40 })).done
  })

  it('branchc registers and calls', async (context) => {
    const { port } = await open(context, answering)
    await (await startSipp({ scenario: 'branchc', server: port, calls: 5, rate: 10 })).done
  }, 40_000)

  it('uas is called by an application', async (context) => {
    const { app } = await open(context, () => undefined)
    const uas = await startSipp({ scenario: 'uas', calls: 20 })
    await Promise.all(Array.from({ length: 20 }, () => callAndHangUp(app, uas.port)))
    await uas.done
  })

  it('branchs is registered at and called, within one Call-ID', async (context) => {
    const { app } = await open(context, () => undefined)
    const branch = await startSipp({ scenario: 'branchs', calls: 1 })
    const headers = { 'Call-ID': 'branch-1', From: '<sip:ua2@localhost>;tag=b1', CSeq: '1 REGISTER' }
    const registered = await new Promise((resolve) =>
      app.request(`sip:ua2@127.0.0.1:${branch.port}`, { method: 'REGISTER', headers }, (_error, request) =>
        request?.once('response', ({ status }) => resolve(status)),
      ),
    )
    context.expect(registered).toBe(200)
    await callAndHangUp(app, branch.port, { ...headers, CSeq: '2 INVITE' }, 'ua2')
    await branch.done
  })

  it('uac calls uas through a B2BUA', async (context) => {
    let target = 0
    const { port } = await open(
      context,
      backToBack(() => target),
    )
    const uas = await startSipp({ scenario: 'uas', calls: 20 })
    target = uas.port
    await Promise.all([(await startSipp({ scenario: 'uac', server: port, calls: 20, rate: 40 })).done, uas.done])
  })

  // sipp's own callers write no Route, so that their BYE does not find back to a proxy: ours below do.
  it('3pcc: a third party calls two sides, and hands the offer of one to the other', async (context) => {
    const { port } = await open(context, answering)
    const twin = ['-3pcc', `127.0.0.1:${await freePort()}`]
    const second = await startSipp({ scenario: '3pcc-C-B', server: port, calls: 1, args: twin })
    const first = await startSipp({ scenario: '3pcc-C-A', server: port, calls: 1, args: twin })
    await Promise.all([first.done, second.done])
  })
})

describe('with 5 % of the datagrams lost in both directions', () => {
  const LOSS = 0.05
  const CALLS = 60
  // An INVITE that comes again, and an ACK that comes after the BYE, are no reason for the called side to give up. The
  // calling side allows nothing out of place.
  const PATIENT = ['-default_behaviors', 'all,-abortunexp']

  it('calls to an application end, and nothing is left after 64*T1', async (context) => {
    const room = await open(context, answering, acceleratedClock(10))
    const relay = await lossyRelay(room.port, LOSS, 1)
    context.onTestFinished(() => relay.close())
    await (await startSipp({ scenario: 'call.xml', server: relay.port, calls: CALLS, rate: 60 })).done
    expect(relay.lost).toBeGreaterThan(0)
    await expect.poll(() => openThings(room), { timeout: 10_000, interval: 100 }).toEqual(NOTHING)
  })

  it.for([
    ['a B2BUA', backToBack, 2],
    ['a proxy', forwarding, 3],
  ] as const)('calls through %s end, and nothing is left after 64*T1', async ([, application, seed], context) => {
    let target = 0
    const room = await open(
      context,
      application(() => target),
      acceleratedClock(10),
    )
    const uasPort = await freePort()
    const behind = await lossyRelay(uasPort, LOSS, seed)
    const args = ['-key', 'relay', String(behind.port), ...PATIENT]
    const uas = await startSipp({ scenario: 'answer.xml', calls: CALLS, port: uasPort, args })
    target = behind.port
    const before = await lossyRelay(room.port, LOSS, seed + 100)
    context.onTestFinished(() => {
      behind.close()
      before.close()
    })
    const uac = await startSipp({ scenario: 'call.xml', server: before.port, calls: CALLS, rate: 60 })
    await Promise.all([uac.done, uas.done])
    expect(before.lost + behind.lost).toBeGreaterThan(0)
    await expect.poll(() => openThings(room), { timeout: 10_000, interval: 100 }).toEqual(NOTHING)
  })
})

async function callAndHangUp(
  app: Application,
  port: number,
  headers: Record<string, string> = {},
  user = 'service',
): Promise<void> {
  const dialog = await app.createUAC(`sip:${user}@127.0.0.1:${port}`, { localSdp: SDP, headers })
  await dialog.destroy()
}
