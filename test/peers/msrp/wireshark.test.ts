import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { peerServer } from '../../msrp/peer.js'
import { chunk, party, pathOf, startEndpoint } from '../../msrp/rig.js'
import { captureOf } from './capture.js'

const FIELDS = ['method', 'status.code', 'byte.range', 'messageid', 'content.type', 'status', 'cnt.flg']

/** What Wireshark reads: one row for each message, in its words. */
function dissect(capture: Buffer): readonly Readonly<Record<string, string>>[] {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-capture-'))
  try {
    const file = join(folder, 'msrp.pcap')
    writeFileSync(file, capture)
    const fields = FIELDS.flatMap((field) => ['-e', `msrp.${field}`])
    const output = execFileSync(
      'tshark',
      ['-r', file, '-d', 'tcp.port==2855,msrp', '-Y', 'msrp', '-T', 'fields', '-E', 'separator=/t', ...fields],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    )
    return output
      .trimEnd()
      .split('\n')
      .map((row) => Object.fromEntries(row.split('\t').flatMap((value, i) => (value ? [[FIELDS[i], value]] : []))))
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('Wireshark reads what we write: bind, chunks, an answer, a report', async () => {
  const server = await peerServer()
  const endpoint = await startEndpoint()
  const one = party(endpoint)
  one.session.start({ role: 'active', remotePath: pathOf(`msrp://127.0.0.1:${server.port}/theirs;tcp`) })
  const peer = await server.next()
  const bind = await peer.hears()
  peer.answers(bind, '200 OK')
  await one.bound.next()
  one.session.send({ id: 'm1', contentType: 'text/plain', body: Buffer.from('On my way') })
  one.session.send({ id: 'm2', contentType: 'application/octet-stream', body: Buffer.alloc(3000, 'z') })
  const heard = [bind, await peer.hears(), await peer.hears(), await peer.hears()]
  peer.says(
    chunk(one.path, 'aaa1', '1-2/2', 'hi', '$', 'm3').replace('Content-Type', 'Success-Report: yes\nContent-Type'),
  )
  heard.push(await peer.hears(), await peer.hears())
  const rows = dissect(captureOf(heard.map(({ text }) => Buffer.from(text, 'latin1'))))
  const text = { method: 'SEND', messageid: 'm1', 'content.type': 'text/plain' }
  const long = { method: 'SEND', messageid: 'm2', 'content.type': 'application/octet-stream' }
  expect(rows).toEqual([
    { method: 'SEND', messageid: bind.headers.get('Message-ID'), 'byte.range': '1-0/0', 'cnt.flg': '$' },
    { ...text, 'byte.range': '1-9/9', 'cnt.flg': '$' },
    { ...long, 'byte.range': '1-*/3000', 'cnt.flg': '+' },
    { ...long, 'byte.range': '2049-3000/3000', 'cnt.flg': '$' },
    { 'status.code': '200', 'cnt.flg': '$' },
    { method: 'REPORT', messageid: 'm3', 'byte.range': '1-2/2', status: '000 200 OK', 'cnt.flg': '$' },
  ])
})
