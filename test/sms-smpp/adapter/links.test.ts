import { afterEach, expect, it } from 'vitest'
import type { ContentLinks, LinkedContent } from '../../../adapters/contract/index.js'
import smsModule from '../../../adapters/sms-smpp/index.js'
import { startSmsc } from '../../../adapters/sms-smpp/simulator/index.js'
import { startRig } from '../../contract-kit/rig.js'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 255])
const picture = { type: 'image/png', base64: PNG.toString('base64') }
const ADDRESS = 'https://m.example/c/123456789012345678901234'

async function rigWith(keep: ContentLinks['keep'] | 'no store' = async () => ADDRESS, unsupportedContent = 'link') {
  const kept: (LinkedContent & { key: string })[] = []
  const smsc = await startSmsc({})
  closing.push(() => smsc.stop())
  const binds = [{ host: '127.0.0.1', port: smsc.port, systemId: 'causeway', rate: 'unlimited' }]
  const links = keep !== 'no store' && {
    maxBytes: 1_000,
    length: ADDRESS.length,
    keep: (key: string, content: LinkedContent) => {
      kept.push({ key, ...content })
      return keep(key, content)
    },
  }
  const rig = await startRig(smsModule, { binds, unsupportedContent }, { offers: links ? { links } : {} })
  closing.push(() => rig.stop(AbortSignal.abort()))
  await rig.ready()
  return { rig, smsc, kept }
}

const mixed = (...parts: (readonly [head: string, body: string])[]) => ({
  type: 'multipart/mixed;boundary=b',
  text: `${parts.map(([head, body]) => `--b\r\n${head}\r\n\r\n${body}\r\n`).join('')}--b--\r\n`,
})

it('IWF-MSG-01 a picture becomes a text with a link', async () => {
  const { rig, smsc, kept } = await rigWith()
  expect(rig.adapter.messages.refuses({ content: picture })).toBeUndefined()
  expect(await rig.send({ content: picture })).toMatchObject({ kind: 'accepted' })
  expect(smsc.submits[0]?.text).toBe(ADDRESS)
  expect(kept).toMatchObject([{ type: 'image/png', octets: PNG }])
})

it('IWF-MSG-01 a text with a picture keeps its order, and its words', async () => {
  const { rig, smsc, kept } = await rigWith()
  const content = mixed(
    ['Content-Type: text/plain; charset=utf-8', 'Look, Grüße:'],
    ['Content-Type: image/png; name="sun.png"\r\nContent-Transfer-Encoding: base64', PNG.toString('base64')],
    ['Content-Type: application/smil', '<smil/>'],
  )
  await rig.send({ content, subject: 'Sun' })
  expect(smsc.submits[0]?.text).toBe(`Sun\nLook, Grüße:\n${ADDRESS}`)
  expect(kept).toMatchObject([{ name: 'sun.png', octets: PNG }])
})

it('raw octets of a large message are linked as they are, and every attempt names the same', async () => {
  const { rig, kept } = await rigWith()
  const body = Buffer.concat([Buffer.from('--b\r\nContent-Type: image/png\r\n\r\n'), PNG, Buffer.from('\r\n--b--\r\n')])
  const message = { content: { type: 'multipart/mixed;boundary=b', base64: body.toString('base64') } }
  await rig.send({ ...message, messageId: 'm1' as never })
  await rig.send({ ...message, messageId: 'm1' as never }, { number: 2 })
  expect(kept.map(({ key, octets }) => [key, Buffer.from(octets)])).toEqual([
    ['m1/0', PNG],
    ['m1/0', PNG],
  ])
})

it('of alternatives the text goes, and a file that has a link already goes by that', async () => {
  const { rig, smsc, kept } = await rigWith()
  const alternatives = mixed(['Content-Type: text/plain', 'plain'], ['Content-Type: text/html', '<b>rich</b>'])
  await rig.send({ content: { ...alternatives, type: 'multipart/alternative;boundary=b' } })
  const file = '<file><data url="https://t.example/thumb"/><data url="https://t.example/f?a=1&amp;b=2"/></file>'
  await rig.send({ content: { type: 'application/vnd.gsma.rcs-ft-http+xml', text: file } })
  expect(smsc.submits.map(({ text }) => text)).toEqual(['plain', 'https://t.example/f?a=1&b=2'])
  expect(kept).toEqual([])
})

it('without room it is refused here, so that another service may take it; without the store it waits', async () => {
  const full = await rigWith(async () => undefined)
  expect(await full.rig.send({ content: picture })).toMatchObject({
    kind: 'refused',
    final: 'here',
    reason: 'too-large',
  })
  const away = await rigWith(() => Promise.reject(new Error('away')))
  expect(await away.rig.send({ content: picture })).toMatchObject({ kind: 'busy', reason: 'service-unavailable' })
})

it('what is too large for the store, or not wanted so by policy, is refused before it is accepted', async () => {
  const { rig } = await rigWith()
  const large = { type: 'image/png', base64: Buffer.alloc(1_001).toString('base64') }
  expect(rig.adapter.messages.refuses({ content: large })).toBe('content-unsupported')
  const strict = await rigWith(undefined, 'refuse')
  expect(strict.rig.adapter.messages.refuses({ content: picture })).toBe('content-unsupported')
})

it('a link that two parts share comes whole, on a line of its own', async () => {
  const { rig, smsc } = await rigWith()
  for (const words of ['x'.repeat(130), 'ü今'.repeat(30)]) {
    const content = mixed(
      ['Content-Type: text/plain; charset=utf-8', words],
      ['Content-Type: image/png\r\nContent-Transfer-Encoding: base64', PNG.toString('base64')],
    )
    expect(rig.adapter.messages.refuses({ content })).toBeUndefined()
    const sent = smsc.submits.length
    expect(await rig.send({ content })).toMatchObject({ kind: 'accepted', parts: [{}, {}] })
    const parts = smsc.submits.slice(sent).map(({ text }) => text)
    expect(parts.every((part) => !part.includes(ADDRESS))).toBe(true)
    expect(parts.join('')).toBe(`${words}\n${ADDRESS}`)
  }
})

it('without a store pictures are refused before they are accepted, and texts of several parts go as ever', async () => {
  const { rig, smsc } = await rigWith('no store')
  expect(rig.adapter.messages.refuses({ content: picture })).toBe('content-unsupported')
  expect(await rig.send({ content: picture })).toMatchObject({ kind: 'refused', reason: 'content-unsupported' })
  const texts = mixed(['Content-Type: text/plain', 'one'], ['Content-Type: text/plain', 'two'])
  expect(rig.adapter.messages.refuses({ content: texts })).toBeUndefined()
  await rig.send({ content: texts })
  expect(smsc.submits.map(({ text }) => text)).toEqual(['one\ntwo'])
})
