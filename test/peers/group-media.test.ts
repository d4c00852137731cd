import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '../../scripts/rig/ports.js'
import { type ComingCall, openSessionAgent, type SessionAgent } from '../../scripts/rig/session-agent.js'
import { GROUP_SERVICE } from '../conversation/focus/phone.js'
import { type MsrpPhone, openMsrpPhone, pathIn, type Talk } from '../conversation/session/msrp-phone.js'
import type { Heard } from '../msrp/peer.js'
import { openNetwork } from './networks.js'

const FRIENDS = 'sip:friends@groups.cpm.other'

/** The participating function of alice and bob; what hosts the group in the other network is played, and none of the gateway's. */
describe('a participating function and the path of the media of a group session', () => {
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
      { media: { listen: [`tcp:127.0.0.1:${media}`], path: 'out', pathIn: ['sip:alice@cpm.example'] } },
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
