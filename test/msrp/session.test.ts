import { expect, test } from 'vitest'
import { dial, peerServer } from './peer.js'
import { introduce, party, pathOf, portOf, startEndpoint } from './rig.js'

const PEER = 'msrp://127.0.0.1:9/peer-session;tcp'

const send = (path: string, transaction: string, more: string, end = '$') =>
  `MSRP ${transaction} SEND\nTo-Path: ${path}\nFrom-Path: ${PEER}\n${more}-------${transaction}${end}\n`

test('the active party binds with an empty SEND and both sides say something', async () => {
  const [one, other] = [party(await startEndpoint()), party(await startEndpoint())]
  introduce(one, other)
  await Promise.all([one.bound.next(), other.bound.next()])
  const there = one.session.send({ contentType: 'text/plain', body: Buffer.from('On my way') })
  const back = other.session.send({ contentType: 'text/plain', body: Buffer.from('See you') })
  expect(await other.texts.next()).toBe('On my way')
  expect(await one.texts.next()).toBe('See you')
  expect(await there.outcome).toEqual({ kind: 'sent', confirmed: true })
  expect(await back.outcome).toEqual({ kind: 'sent', confirmed: true })
})

test('what goes over the wire: bind, message, answer, success report', async () => {
  const server = await peerServer()
  const one = party(await startEndpoint())
  const remote = `msrp://127.0.0.1:${server.port}/theirs;tcp`
  one.session.start({ role: 'active', remotePath: pathOf(remote) })
  const peer = await server.next()
  const bind = await peer.hears()
  expect(bind).toMatchObject({ first: 'SEND', body: undefined, flag: '$' })
  expect(bind.headers.get('To-Path')).toBe(remote)
  expect(bind.headers.get('From-Path')).toBe(one.path)
  expect(bind.headers.get('Byte-Range')).toBe('1-0/0')
  peer.answers(bind, '200 OK')
  await one.bound.next()

  const sent = one.session.send({
    id: 'm1',
    contentType: 'text/plain',
    body: Buffer.from('hello'),
    successReport: true,
  })
  const heard = await peer.hears()
  expect(heard.text).toBe(
    [
      `MSRP ${heard.transaction} SEND`,
      `To-Path: ${remote}`,
      `From-Path: ${one.path}`,
      'Message-ID: m1',
      'Byte-Range: 1-5/5',
      'Success-Report: yes',
      'Content-Type: text/plain',
      '',
      'hello',
      `-------${heard.transaction}$`,
      '',
    ].join('\r\n'),
  )
  peer.answers(heard, '200 OK')
  expect(await sent.outcome).toEqual({ kind: 'sent', confirmed: true })
  peer.says(
    `MSRP rep1 REPORT\nTo-Path: ${one.path}\nFrom-Path: ${remote}\nMessage-ID: m1\nByte-Range: 1-5/5\nStatus: 000 200 OK\n-------rep1$\n`,
  )
  expect(await sent.report).toMatchObject({ status: 200 })
  peer.close()
  expect(await one.closed.next()).toBe('connection-lost')
})

test('a request is answered as RFC 4975 says', async () => {
  const endpoint = await startEndpoint()
  const { session, path, texts } = party(endpoint, {}, { acceptTypes: ['text/*'], maxSize: 100 })
  session.start({ role: 'passive', remotePath: pathOf(PEER) })
  const peer = await dial(portOf(endpoint))
  const cases: readonly (readonly [string, string])[] = [
    ['200 OK', send(path, 'aaa1', 'Message-ID: a\nByte-Range: 1-0/0\n')],
    ['200 OK', send(path, 'aaa2', 'Message-ID: b\nByte-Range: 1-2/2\nContent-Type: text/plain\n\nhi\n')],
    ['400 Bad Request', send(path, 'aaa3', 'Content-Type: text/plain\n\nhi\n')],
    ['400 Bad Request', send(path, 'aaa4', 'Message-ID: c\nByte-Range: 5-1/x\nContent-Type: text/plain\n\nhi\n')],
    ['415 Media Type Not Understood', send(path, 'aaa5', 'Message-ID: d\nContent-Type: image/png\n\nhi\n')],
    [
      '413 Stop Sending',
      send(path, 'aaa6', 'Message-ID: e\nByte-Range: 1-2/999\nContent-Type: text/plain\n\nhi\n', '+'),
    ],
    ['413 Stop Sending', send(path, 'aaa7', `Message-ID: f\nContent-Type: text/plain\n\n${'x'.repeat(101)}\n`)],
    ['481 No Such Session', send('msrp://127.0.0.1:1/none;tcp', 'aaa8', 'Message-ID: g\n')],
    ['501 Method Not Understood', send(path, 'aaa9', '').replace('SEND', 'FETCH')],
    ['501 Method Not Understood', send(path, 'aab1', 'Use-Nickname: "x"\n').replace('SEND', 'NICKNAME')],
    ['481 No Such Session', send(`${path} ${PEER}`, 'aab2', 'Message-ID: h\n')],
  ]
  for (const [answer, request] of cases) {
    peer.says(request)
    const heard = await peer.hears()
    expect([heard.transaction, heard.first]).toEqual([request.slice(5, 9), answer])
    expect(heard.headers.get('To-Path')).toBe(PEER)
  }
  expect(await texts.next()).toBe('hi')
})
