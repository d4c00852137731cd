import { describe, expect, onTestFinished, test } from 'vitest'
import type { Device } from '../../../gateway/conversation/port.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { openSessionAgent } from '../../../scripts/rig/session-agent.js'
import { header, headerAll } from '../../../scripts/rig/sip-text.js'
import { openMsrpPhone } from './msrp-phone.js'
import { DOMAIN, openSessionStage, SESSION, type SessionStageOptions } from './stage.js'
import { audio, invited } from './talk.js'

const CELL = '3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=234151D0FCE11;network-provided'

/** A SIP/IP core that calls the gateway, and is called back. */
async function openCoreStage(options: Omit<SessionStageOptions, 'core'> = {}) {
  const server = { host: '127.0.0.1', port: 0 }
  const core = await openSessionAgent({ server, domain: DOMAIN, user: 'core', password: '' })
  onTestFinished(() => core.close())
  const stage = await openSessionStage({ ...options, core: `sip:127.0.0.1:${core.port}` })
  server.port = stage.sip.port
  const back = `<sip:odi_7@127.0.0.1:${core.port};lr>`
  const by = (called: string, served = 'sip:alice@core.example'): [string, string][] => [
    ['Route', `<sip:${called}@127.0.0.1:${stage.sip.port};lr>, ${back}`],
    ['P-Asserted-Identity', `<${served}>, <tel:+12065550101>`],
    ['P-Asserted-Service', SESSION],
    ['P-Charging-Vector', 'icid-value=charged-1'],
    ['P-Visited-Network-ID', 'other.net'],
    ['P-Access-Network-Info', CELL],
  ]
  return { core, stage, by, back }
}

describe('with a SIP/IP core around (ISC)', () => {
  test('SESS-02, SESS-06..08, FLOW-04, GAP-09: the originating function sends one INVITE back along the way it came', async () => {
    const { core, stage, by, back } = await openCoreStage()
    const phone = await openMsrpPhone()
    const placed = core.call('sip:bob@other.example', phone.sdp(), [...by('orig'), ['Contribution-ID', 'c-1']])
    const call = await invited(core)
    const { invite } = call
    expect(invite.startLine).toBe('INVITE sip:bob@other.example SIP/2.0')
    expect(headerAll(invite, 'route')).toEqual([back])
    expect(header(invite, 'call-id')).toBe(header(placed.invite, 'call-id'))
    expect(header(invite, 'from')).not.toBe(header(placed.invite, 'from'))
    expect(headerAll(invite, 'p-asserted-identity')).toEqual(['<sip:alice@core.example>, <tel:+12065550101>'])
    expect(header(invite, 'p-charging-vector')).toContain('charged-1')
    expect([header(invite, 'p-visited-network-id'), header(invite, 'p-access-network-info')]).toEqual([
      'other.net',
      CELL,
    ])
    expect(header(invite, 'max-forwards')).toBe('69')
    expect(invite.body.toString()).toBe(phone.sdp())
    const [there, here] = await Promise.all([call.accept(phone.sdp({ setup: 'active' })), placed.established()])
    expect(core.calls.items).toEqual([])
    await here.bye()
    await there.requests.next('BYE', () => true)
    await stage.nothingLeft()
    await phone.close()
  })

  test('SESS-10..14, GRP-TERM-05, GRP-TERM-06, FLOW-07: the terminating one names the devices to be left out', async () => {
    const device = (instance: string, features: Device['features']): Device => ({
      contact: `sip:${instance}@127.0.0.1:9`,
      instance: `urn:uuid:${instance}`,
      features,
      q: 1,
      expiresAt: Number.MAX_SAFE_INTEGER,
    })
    const icsi = { '+g.3gpp.icsi-ref': encodeURIComponent(SESSION) }
    const devices = [device('b1', { ...icsi, audio: true }), device('b2', { ...icsi, audio: true }), device('b3', icsi)]
    const registrations = { devices: async () => devices, onAvailable: () => undefined }
    const { core, stage, by, back } = await openCoreStage({ registrations })
    const placed = core.call('sip:bob@core.example', audio(), by('term'))
    const call = await invited(core)
    expect(headerAll(call.invite, 'route')).toEqual([back])
    expect(headerAll(call.invite, 'reject-contact')).toEqual(['*;+sip.instance="<urn:uuid:b3>"'])
    expect(header(call.invite, 'accept-contact')).toContain('oma.cpm.session')
    call.progress(180)
    call.progress(180)
    await placed.provisionals.next('180', () => true)
    const [there, here] = await Promise.all([call.accept(audio(5000)), placed.established()])
    expect(placed.provisionals.items).toEqual([])
    await there.bye()
    await here.requests.next('BYE', () => true)
    await stage.nothingLeft()
  })

  test('an inviter nobody vouches for is refused', async () => {
    const { core, by } = await openCoreStage()
    const headers = by('orig').filter(([name]) => name !== 'P-Asserted-Identity')
    expect((await core.call('sip:bob@other.example', audio(), headers).final).status).toBe(403)
  })

  test('IW-20, IW-27: where the far network has no CPM, another service is asked; what the user said there is the answer', async () => {
    const asked: Uri[] = []
    const { core, by } = await openCoreStage({
      played: {
        async interwork(call, target) {
          asked.push(target)
          call.reject({ status: 603 })
        },
      },
    })
    const answered = async (status: number) => {
      const placed = core.call('sip:bob@other.example', audio(), by('orig'))
      ;(await invited(core)).refuse(status)
      return (await placed.final).status
    }
    expect([await answered(404), await answered(488), await answered(486)]).toEqual([603, 488, 486])
    expect(asked).toEqual(['sip:bob@other.example'])
    // A session of a group is nowhere but at its host (PF-GRP-02).
    const service: [string, string] = ['P-Asserted-Service', `${SESSION}.group`]
    const others = by('orig').filter(([name]) => name !== service[0])
    const joining = core.call('sip:s-1@groups.other.example', audio(), [...others, service])
    ;(await invited(core)).refuse(404)
    expect([(await joining.final).status, asked.length]).toEqual([404, 1])
  })

  test('both functions on one node: a CANCEL reaches each of them', async () => {
    const { core, stage, by } = await openCoreStage()
    const placed = core.call('sip:bob@core.example', audio(), by('orig'))
    const first = await invited(core)
    // The core sends it on to the terminating function with the same Call-ID.
    const headers: [string, string][] = [
      ...by('term'),
      ['Call-ID', header(first.invite, 'call-id')],
      ['From', header(first.invite, 'from')],
    ]
    const second = core.call('sip:bob@core.example', audio(), headers)
    const device = await invited(core)
    device.progress(180)
    await second.provisionals.next('180', () => true)
    first.progress(180)
    await placed.provisionals.next('180', () => true)
    await placed.cancel()
    await first.cancelled
    await second.cancel()
    await device.cancelled
    expect([(await placed.final).status, (await second.final).status]).toEqual([487, 487])
    await stage.nothingLeft()
  })

  test('both functions on one node: their dialogs, of one Call-ID and From tag, are not mixed up', async () => {
    const { core, stage, by } = await openCoreStage()
    const placed = core.call('sip:bob@core.example', audio(), by('orig'))
    const first = await invited(core)
    const same: [string, string][] = [
      ['Call-ID', header(first.invite, 'call-id')],
      ['From', header(first.invite, 'from')],
    ]
    const second = core.call('sip:bob@core.example', audio(), [...by('term'), ...same])
    const device = await invited(core)
    const [atDevice, between] = await Promise.all([device.accept(audio(5000)), second.established()])
    const [atFirst, caller] = await Promise.all([first.accept(audio(5000)), placed.established()])
    await caller.bye()
    await atFirst.requests.next('BYE', () => true)
    expect([stage.server.sessions(), atDevice.requests.items.length]).toEqual([1, 0])
    await between.bye()
    await atDevice.requests.next('BYE', () => true)
    await stage.nothingLeft()
  })
})
