import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../scripts/rig/ports.js'
import { type ComingCall, openSessionAgent, type SessionAgent } from '../../scripts/rig/session-agent.js'
import { header } from '../../scripts/rig/sip-text.js'
import { GROUP_SERVICE } from '../conversation/focus/phone.js'
import { type MsrpPhone, openMsrpPhone, pathIn, type Talk } from '../conversation/session/msrp-phone.js'
import { AUDIO, audio, kinds } from '../conversation/session/talk.js'
import type { Heard } from '../msrp/peer.js'
import { openNetwork } from './networks.js'

const FRIENDS = 'sip:friends@groups.cpm.other'
const [, GROUP] = GROUP_SERVICE

/** The participating function of alice and bob; what hosts the group in the other network is played, and none of the gateway's. */
describe('the participating function of members of a group that another network hosts', () => {
  let home: Awaited<ReturnType<typeof openNetwork>>
  let host: SessionAgent
  let media: number
  const phones: MsrpPhone[] = []

  beforeAll(async () => {
    const peerPort = await freePort()
    media = await freePort()
    const server = { host: '127.0.0.2', port: peerPort }
    host = await openSessionAgent({ server, domain: 'cpm.other', user: 'friends', password: '' })
    home = await openNetwork(
      { domain: 'cpm.example', host: server.host, peerPort },
      { domain: 'cpm.other', host: '127.0.0.1', peerPort: host.port },
      {
        media: {
          listen: [`tcp:127.0.0.1:${media}`],
          path: 'out',
          pathIn: ['sip:alice@cpm.example'],
          barred: [{ users: ['sip:bob@cpm.example'], kinds: ['audio'] }],
        },
        conversation: { senders: { barred: ['sip:dave@cpm.example'] } },
      },
    )
  })
  afterAll(async () => {
    host?.close()
    await Promise.all(phones.map((phone) => phone.close()))
    await home?.close()
  })

  async function msrpPhone(): Promise<MsrpPhone> {
    const phone = await openMsrpPhone()
    phones.push(phone)
    return phone
  }

  const accept = (call: ComingCall, sdp: string) =>
    call.accept(sdp, [['Contact', `<sip:s-1@127.0.0.1:${host.port}>;isfocus`]])

  test('UP-10 GRP-LEAVE-02: whether it stays in their path is seen from the description alone; out of it that is not touched', async () => {
    const seen: Record<string, { names: readonly string[]; sdp: string; offered: string }> = {}
    for (const user of ['alice', 'bob'] as const) {
      const [agent, phone, far] = [await home.phone(user), await msrpPhone(), await msrpPhone()]
      const offered = phone.sdp({ extra: ['a=chatroom:nickname'] })
      const placed = agent.call(FRIENDS, offered, [GROUP_SERVICE])
      const call = await host.calls.next('INVITE', () => true)
      const names = call.invite.headers.map(([name]) => name).toSorted()
      seen[user] = { names, sdp: call.invite.body.toString(), offered }
      const answered = far.sdp({ setup: 'active' })
      const [there, here] = await Promise.all([accept(call, answered), placed.established()])
      expect(here.made.body.toString() === answered).toBe(user === 'bob')
      await here.bye()
      await there.requests.next('BYE', () => true)
    }
    const { alice, bob } = seen
    expect(alice?.names).toEqual(bob?.names)
    expect(bob?.sdp).toBe(bob?.offered)
    expect(pathIn(alice?.sdp ?? '')).toMatch(new RegExp(`^msrp://127\\.0\\.0\\.1:${media}/`))
    const others = (sdp = '') => sdp.split('\r\n').filter((line) => !/^(o=|m=|c=|a=path:)/.test(line))
    expect(others(alice?.sdp)).toEqual(expect.arrayContaining(others(alice?.offered)))
  })

  test('UP-07 UP-08: in it, what either sends goes to the other chunk by chunk, octets and names unchanged', async () => {
    const [agent, phone, far] = [await home.phone('alice'), await msrpPhone(), await msrpPhone()]
    const placed = agent.call(FRIENDS, phone.sdp(), [GROUP_SERVICE])
    const call = await host.calls.next('INVITE', () => true)
    const [there, here] = await Promise.all([accept(call, far.sdp({ setup: 'active' })), placed.established()])
    const atClient = await phone.connectTo(here.made.body.toString())
    const atHost = await far.connectTo(call.invite.body.toString())
    for (const [from, own, to, id] of [
      [atClient, phone, atHost, 'of-the-client'],
      [atHost, far, atClient, 'of-the-host'],
    ] as const) {
      const chunks = ['a', 'b', 'c'].map((letter) => letter.repeat(8_000))
      for (const index of chunks.keys()) {
        sendChunk(from, own, { id, chunks, index })
        // What came before has gone on already: nothing waits until all is there.
        const before = chunks[index - 1]
        if (before !== undefined) await expect.poll(() => passed(to, before)).toBe(before.length)
      }
      const heard = await message(to)
      expect(heard.map(({ body }) => body).join('')).toBe(chunks.join(''))
      for (const { headers } of heard) {
        const names = ['Message-ID', 'Content-Type', 'Success-Report'].map((name) => headers.get(name))
        expect(names).toEqual([id, 'text/plain;charset=utf-8', 'yes'])
      }
      to.peer.says(
        `MSRP reported1 REPORT\nTo-Path: ${to.remote}\nFrom-Path: ${to === atHost ? far.path : phone.path}\nMessage-ID: ${id}\nByte-Range: 1-24000/24000\nStatus: 000 200 OK\n-------reported1$\n`,
      )
      const report = await from.peer.hearsFirst('REPORT')
      expect([report.headers.get('Message-ID'), report.headers.get('Status')]).toEqual([id, '000 200 OK'])
    }
    await here.bye()
    await there.requests.next('BYE', () => true)
  })

  test('PF-GRP-01: who may not use the service is refused by his own network; what he may not have is not offered, and nothing else is nothing', async () => {
    const [dave, bob] = [await home.phone('dave'), await home.phone('bob')]
    expect((await dave.call(FRIENDS, audio(), [GROUP_SERVICE]).final).status).toBe(403)
    expect((await bob.call(FRIENDS, audio(), [GROUP_SERVICE]).final).status).toBe(488)
    expect(host.calls.items).toEqual([])
    const placed = bob.call(FRIENDS, (await msrpPhone()).sdp({ others: AUDIO }), [GROUP_SERVICE])
    const call = await host.calls.next('INVITE', () => true)
    expect(kinds(call.invite.body.toString())).toEqual(['message yes'])
    call.refuse(486)
    expect((await placed.final).status).toBe(486)
  })

  test('GRP-TERM-01 GRP-TERM-03 GRP-TERM-04: an invitation of the host reaches the invitee through his own function, which heeds what he has blocked', async () => {
    const carol = await home.phone('carol')
    const invite = async () =>
      host.call(carol.uri, (await msrpPhone()).sdp(), [
        ['P-Asserted-Identity', `<${FRIENDS}>`],
        ['P-Asserted-Service', GROUP],
        ['Contact', `<sip:s-1@127.0.0.1:${host.port}>;isfocus`],
        ['From', `<${FRIENDS}>;tag=host`],
      ])
    const placed = await invite()
    const call = await carol.calls.next('INVITE', () => true)
    await expect.poll(() => home.passed('INVITE').slice(-2)).toEqual(['peer', 'gateway odi-term'])
    expect(header(call.invite, 'P-Asserted-Service')).toBe(GROUP)
    expect(header(call.invite, 'Accept-Contact')).toContain(encodeURIComponent(GROUP))
    expect(header(call.invite, 'Contact')).toContain('<sip:s-1@127.0.0.1')
    call.refuse(486)
    expect((await placed.final).status).toBe(486)
    const path = `${home.gateway.http}/admin/users/${encodeURIComponent(carol.uri)}/preferences`
    const put = { method: 'PUT', headers: { 'content-type': 'application/json' } }
    expect((await fetch(path, { ...put, body: JSON.stringify({ blocked: [FRIENDS] }) })).status).toBe(204)
    expect((await (await invite()).final).status).toBe(603)
    expect(carol.calls.items).toEqual([])
  })
})

/** One of the chunks of a message that asks for a success report (RFC 4975 §7.1.1). */
function sendChunk(
  { peer, remote }: Talk,
  { path }: MsrpPhone,
  { id, chunks, index }: { readonly id: string; readonly chunks: readonly string[]; readonly index: number },
): void {
  const [before, body = ''] = [chunks.slice(0, index).join('').length, chunks[index]]
  const transaction = `chunk${index}${id.slice(-4)}`
  const head = [
    `MSRP ${transaction} SEND`,
    `To-Path: ${remote}`,
    `From-Path: ${path}`,
    `Message-ID: ${id}`,
    `Byte-Range: ${before + 1}-${before + body.length}/${chunks.join('').length}`,
    'Success-Report: yes',
    'Content-Type: text/plain;charset=utf-8',
  ].join('\n')
  peer.says(`${head}\n\n${body}\n-------${transaction}${index === chunks.length - 1 ? '$' : '+'}\n`)
}

/** How many of the octets of a chunk, all of them one letter, have come. */
function passed({ peer }: Talk, [letter = '']: string): number {
  const runs =
    peer
      .octets()
      .toString('latin1')
      .match(new RegExp(`${letter}{100,}`, 'g')) ?? []
  return runs.join('').length
}

/** The chunks of the next message, each of them answered. */
async function message({ peer }: Talk): Promise<readonly Heard[]> {
  const chunks: Heard[] = []
  for (;;) {
    const chunk = await peer.hearsFirst('SEND')
    peer.answers(chunk, '200 OK')
    chunks.push(chunk)
    if (chunk.flag === '$') return chunks
  }
}
