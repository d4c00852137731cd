import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { freePort } from '../../scripts/rig/ports.js'
import { header } from '../../scripts/rig/sip-text.js'
import { type Core, startKamailio } from './kamailio.js'
import { type Exchanged, sipp } from './sipp.js'

const DOMAIN = 'cpm.example'
const BOB = `sip:bob@${DOMAIN}`

interface Stage {
  readonly gateway: GatewayRig
  /** Where devices register. */
  readonly server: { readonly host: string; readonly port: number }
  readonly kamailio?: Core
}

async function standalone(media: object): Promise<Stage> {
  const users = {
    alice: { password: 'alice-secret', aliases: ['tel:+12065550101'] },
    bob: { password: 'bob-secret', aliases: ['tel:+12065550102'] },
  }
  // sipp knows MD5 only.
  const gateway = await gatewayRig({ sip: { auth: { algorithms: ['MD5'] } }, config: { domain: DOMAIN, users, media } })
  await gateway.start()
  return { gateway, server: gateway.sip }
}

async function behindKamailio(media: object): Promise<Stage> {
  const [host, device, isc] = ['127.0.0.2', await freePort(), await freePort()]
  const gateway = await gatewayRig({
    sip: { core: `sip:${host}:${isc}`, trust: [`${host}/32`] },
    config: { domain: DOMAIN, media },
  })
  await gateway.start()
  const kamailio = startKamailio({ host, device, isc, gateway: gateway.sip.port })
  return { gateway, server: { host, port: device }, kamailio }
}

describe.each([
  ['standalone, out of the media', standalone, { path: 'out' }],
  ['standalone, in the path of the media', standalone, { path: 'in' }],
  ['with Kamailio as the core, out of the media', behindKamailio, { path: 'out' }],
  ['with Kamailio as the core, in the path of the media', behindKamailio, { path: 'in' }],
] as const)('flow C.2.1.1 with sipp as the devices, %s', (_, open, media) => {
  let stage: Stage
  let folder: string
  const ports = { alice: 0, bob: 0 }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'causeway-sessions-'))
    Object.assign(ports, { alice: await freePort(), bob: await freePort() })
    stage = await open(media)
  })
  afterAll(async () => {
    await stage?.gateway.close()
    await stage?.kamailio?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const registers = (user: 'alice' | 'bob') =>
    sipp({
      scenario: 'register',
      server: stage.server,
      port: ports[user],
      folder,
      digest: { user, password: `${user}-secret`, uri: DOMAIN },
      keys: { user, domain: DOMAIN, device: String(ports[user]), instance: randomUUID() },
    })

  const shown = (who: string, list: readonly Exchanged[]): readonly string[] =>
    list
      .map(({ way, sip }) => `${who} ${way} ${sip.status || sip.method}`)
      .filter((line, index, all) => line !== all[index - 1] && !line.endsWith(' 100'))

  test('SESS-01 SESS-06 SESS-08 SESS-10 SESS-12 SESS-15 FLOW-04 CONV-09 CONV-10: invited, accepted, released, message by message', async () => {
    await registers('alice')
    await registers('bob')
    const giveUp = new AbortController()
    const callee = sipp({ scenario: 'callee', port: ports.bob, folder, giveUp: giveUp.signal })
    // Whoever fails first says why.
    callee.catch(() => undefined)
    const digest = { user: 'alice', password: 'alice-secret', uri: BOB.replace('sip:', '') }
    const keys = { user: 'alice', domain: DOMAIN, target: BOB }
    const caller = await sipp({ scenario: 'caller', server: stage.server, port: 0, folder, digest, keys }).catch(
      async (error: unknown) => {
        giveUp.abort()
        await callee.catch(() => undefined)
        throw error
      },
    )
    const called = await callee
    expect(shown('alice', caller)).toEqual([
      ...['alice sent INVITE', 'alice received 407', 'alice sent ACK', 'alice sent INVITE'],
      ...['alice received 180', 'alice received 200', 'alice sent ACK', 'alice sent BYE', 'alice received 200'],
    ])
    expect(shown('bob', called)).toEqual([
      ...[
        'bob received INVITE',
        'bob sent 180',
        'bob sent 200',
        'bob received ACK',
        'bob received BYE',
        'bob sent 200',
      ],
    ])
    const [invite] = called
    const sent = caller.filter(({ way, sip }) => way === 'sent' && sip.method === 'INVITE').at(-1)
    expect(invite && ['Conversation-ID', 'Contribution-ID'].map((name) => header(invite.sip, name))).toEqual([
      'flow-conversation',
      'flow-session',
    ])
    expect(invite && header(invite.sip, 'P-Asserted-Identity')).toContain(`sip:alice@${DOMAIN}`)
    const isSame = invite && sent && header(invite.sip, 'Call-ID') === header(sent.sip, 'Call-ID')
    expect(isSame).toBe(media.path === 'out')
    const paths = [caller, called].map((list) =>
      list.flatMap(({ way, sip }) => (way === 'received' ? [...sip.body.toString().matchAll(/a=path:(\S+)/g)] : [])),
    )
    const [toAlice, toBob] = paths.map((found) => found[0]?.[1] ?? '')
    if (media.path === 'out') {
      expect([toAlice?.endsWith('/calleesession;tcp'), toBob?.endsWith('/callersession;tcp')]).toEqual([true, true])
    } else {
      expect([toAlice?.includes('session;tcp'), toBob?.includes('session;tcp'), toAlice === toBob]).toEqual([
        false,
        false,
        false,
      ])
    }
    if (stage.kamailio) {
      const invites = stage.kamailio.hops.filter(({ request }) => request.startsWith('INVITE'))
      expect(invites.map(({ route }) => route)).toEqual(['', '', 'odi-orig', 'odi-term'])
    }
  })
})
