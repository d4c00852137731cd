import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import type { Uri } from '../../gateway/cpm/ids.js'
import { createAddressBook } from '../../gateway/http/address-book.js'
import { manualClock } from '../contract-kit/clock.js'

const BOB = 'sip:bob@cpm.example' as Uri

/** A book played by the test, and the client of it. */
async function book(answer: (response: ServerResponse, request: IncomingMessage) => void, timeout = 5_000) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    answer(response, request)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const clock = manualClock()
  const lookups: string[] = []
  const { addressesOf } = createAddressBook({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/book?tenant=1`,
    timeout,
    cache: 60_000,
    uris: { domain: 'cpm.example' },
    clock,
    onAsked: (lookup) => lookups.push(lookup),
  })
  return { addressesOf, asked, lookups, clock }
}

const json = (body: unknown) => (response: ServerResponse) => void response.end(JSON.stringify(body))

test('GAP-06 the book is asked by address, once while its answer counts; what is no address is left out', async () => {
  const play = await book(json({ addresses: ['tel:+1-206-555-0102', 'mailto:bob@mail.example', 'nonsense'] }))
  const found = ['tel:+12065550102', 'mailto:bob@mail.example']
  expect(await Promise.all([play.addressesOf(BOB), play.addressesOf(BOB)])).toEqual([found, found])
  expect(play.asked).toEqual(['/book?tenant=1&address=sip%3Abob%40cpm.example'])
  play.clock.advance(60_001)
  await play.addressesOf(BOB)
  expect([play.asked.length, play.lookups]).toEqual([2, ['found', 'found']])
})

test('GAP-06 404 is nobody, and believed as long', async () => {
  const play = await book((response) => void response.writeHead(404).end())
  for (const _ of [1, 2]) expect(await play.addressesOf(BOB)).toEqual([])
  expect([play.asked.length, play.lookups]).toEqual([1, ['none']])
})

test.each([
  ['an error', (response: ServerResponse) => void response.writeHead(500).end()],
  ['no JSON', (response: ServerResponse) => void response.end('<html>')],
  ['other JSON', json({ addresses: 'tel:+12065550102' })],
  ['too much', json({ addresses: [], more: 'x'.repeat(70_000) })],
  ['another place', (response: ServerResponse) => void response.writeHead(302, { location: '/elsewhere' }).end()],
  ['no answer', (response: ServerResponse) => void response.destroy()],
])('GAP-06 %s: none, counted, and the book is left alone for a while', async (_, answer) => {
  const play = await book(answer)
  for (const _ of [1, 2]) expect(await play.addressesOf(BOB)).toEqual([])
  expect([play.asked.length, play.lookups]).toEqual([1, ['failed']])
  play.clock.advance(5_001)
  await play.addressesOf(BOB)
  expect(play.asked.length).toBe(2)
})

test('GAP-06 a book that says nothing is waited for no longer than its time', async () => {
  const play = await book(() => {}, 50)
  expect([await play.addressesOf(BOB), play.lookups]).toEqual([[], ['failed']])
})

test('GAP-06 whatever it answers, there are addresses or none', async () => {
  let next = ''
  const play = await book((response) => void response.end(next))
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.json(), fc.string(), fc.constant('{"addresses":["tel:+1"]}')), async (text) => {
      next = text
      play.clock.advance(100_000)
      expect(Array.isArray(await play.addressesOf(BOB))).toBe(true)
    }),
    { numRuns: 50 },
  )
})
