import { once } from 'node:events'
import { createRequire } from 'node:module'
import type { AddressInfo, Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import smsModule from '../../../adapters/sms-smpp/index.js'
import { startSmsc } from '../../../adapters/sms-smpp/simulator/index.js'
import { startRig } from '../../contract-kit/rig.js'
import { TEST_CERTIFICATE, TEST_KEY } from '../certificate.js'

/** What we use of the `smpp` package, a stack we did not write. */
interface ForeignPdu {
  readonly command: string
  readonly command_status: number
  readonly message_id?: string
  readonly destination_addr?: string
  readonly short_message?: { readonly message: string }
  response(fields?: Record<string, unknown>): ForeignPdu
}
interface ForeignSession {
  on(event: string, listener: (pdu: ForeignPdu) => void): void
  send(pdu: ForeignPdu): void
  bind_transceiver(fields: Record<string, unknown>, answered: (pdu: ForeignPdu) => void): void
  submit_sm(fields: Record<string, unknown>, answered: (pdu: ForeignPdu) => void): void
  deliver_sm(fields: Record<string, unknown>, answered: (pdu: ForeignPdu) => void): void
  unbind(answered: () => void): void
  close(): void
}
const foreign = createRequire(import.meta.url)('smpp') as {
  createServer(onSession: (session: ForeignSession) => void): Server
  connect(options: Record<string, unknown>): ForeignSession
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

describe('peers we did not write', () => {
  it('the adapter against a message centre of another stack: message, receipt, message back, unbind', async () => {
    const sessions: ForeignSession[] = []
    const got: string[] = []
    const server = foreign.createServer((session) => {
      sessions.push(session)
      session.on('bind_transceiver', (pdu) => session.send(pdu.response({ system_id: 'foreign' })))
      session.on('enquire_link', (pdu) => session.send(pdu.response()))
      session.on('unbind', (pdu) => {
        got.push('unbind')
        session.send(pdu.response())
        session.close()
      })
      session.on('submit_sm', (pdu) => {
        got.push(pdu.short_message?.message ?? '')
        session.send(pdu.response({ message_id: 'F1' }))
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    closing.push(() => server.close())
    const { port } = server.address() as AddressInfo
    const rig = await startRig(smsModule, { binds: [{ host: '127.0.0.1', port, systemId: 'causeway' }] })
    await rig.ready()
    const outcome = await rig.send({ content: { type: 'text/plain', text: 'Grüße €5 {ok}' } })
    expect(outcome).toMatchObject({ kind: 'accepted', parts: [{ id: 'F1' }] })
    expect(got).toEqual(['Grüße €5 {ok}'])

    const deliver = (fields: Record<string, unknown>) =>
      new Promise<ForeignPdu>((resolve) => sessions[0]?.deliver_sm(fields, resolve))
    const addresses = {
      source_addr_ton: 1,
      source_addr: '12065550123',
      dest_addr_ton: 1,
      destination_addr: '12065550100',
    }
    const receipt = 'id:F1 sub:001 dlvrd:001 stat:DELIVRD err:000 text:Gr'
    expect((await deliver({ ...addresses, esm_class: 4, short_message: receipt })).command_status).toBe(0)
    expect(rig.gateway.reports[0]).toMatchObject({ state: 'delivered', keys: ['causeway/F1', 'causeway/f1'] })
    expect((await deliver({ ...addresses, short_message: 'да, пришло' })).command_status).toBe(0)
    expect(rig.gateway.messages[0]?.content).toMatchObject({ text: 'да, пришло' })

    await rig.stop()
    expect(got.at(-1)).toBe('unbind')
  })

  it('a client of another stack against the simulated centre', async () => {
    const smsc = await startSmsc({ systemId: 'them', password: 'pw' })
    closing.push(() => smsc.stop())
    const session = foreign.connect({ url: `smpp://127.0.0.1:${smsc.port}` })
    closing.push(() => session.close())
    const delivered: ForeignPdu[] = []
    const both = new Promise<void>((resolve) => {
      session.on('deliver_sm', (pdu) => {
        delivered.push(pdu)
        session.send(pdu.response())
        if (delivered.length === 2) resolve()
      })
    })
    const bind = (password: string) =>
      new Promise<ForeignPdu>((resolve) => session.bind_transceiver({ system_id: 'them', password }, resolve))
    expect((await bind('wrong')).command_status).toBe(0x0e)
    expect((await bind('pw')).command_status).toBe(0)
    const submit = (fields: Record<string, unknown>) =>
      new Promise<ForeignPdu>((resolve) => session.submit_sm(fields, resolve))
    const taken = await submit({ destination_addr: '12065550123', short_message: 'hello', registered_delivery: 1 })
    expect(taken).toMatchObject({ command_status: 0, message_id: '1' })
    expect((await submit({ destination_addr: '99900000003', short_message: 'x' })).command_status).toBe(0x0b)
    expect(await smsc.deliver({ from: '+12065550123', to: '+12065550100', text: 'привет' })).toBe(0)
    await both
    expect(delivered.map((pdu) => pdu.short_message?.message)).toEqual([
      expect.stringContaining('stat:DELIVRD'),
      'привет',
    ])
    await new Promise<void>((resolve) => session.unbind(resolve))
  })
})

describe('TLS', () => {
  it('a centre with the right certificate is bound to, one with another is not', async () => {
    const smsc = await startSmsc({ cert: TEST_CERTIFICATE, key: TEST_KEY })
    closing.push(() => smsc.stop())
    const bind = (tls: Record<string, unknown>) => ({
      binds: [{ host: '127.0.0.1', port: smsc.port, systemId: 'causeway', tls }],
    })
    const trusting = await startRig(smsModule, bind({ ca: TEST_CERTIFICATE, servername: 'smsc.test' }))
    closing.push(() => trusting.stop(AbortSignal.abort()))
    await trusting.ready()
    expect((await trusting.send({})).kind).toBe('accepted')

    const wary = await startRig(smsModule, bind({}))
    closing.push(() => wary.stop(AbortSignal.abort()))
    const detail = await wary.gateway.until(() => {
      const [link] = wary.adapter.health().links
      return link?.state === 'waiting' ? link.detail : undefined
    })
    expect(detail).toMatch(/self-signed/)
  })
})
