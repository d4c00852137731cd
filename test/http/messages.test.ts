import Fastify from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { messageRoutes } from '../../gateway/http/messages.js'
import type { MessageName, Recalled } from '../../gateway/interworking/recall.js'
import type { Checkpoint } from '../../gateway/observe/checkpoint.js'

const received = (messageId: string, peer: string): Checkpoint => ({
  messageId,
  at: 1,
  node: 'gw1',
  what: 'received',
  peer,
  line: 'MESSAGE',
})

function routes(outcome: Recalled['outcome'], checkpoints: readonly Checkpoint[] = []) {
  const asked: (MessageName & { readonly content?: unknown })[] = []
  const answer = { outcome, where: 'sms', said: 'so' }
  const server = Fastify()
  messageRoutes(server, {
    recall: {
      cancel: async (name) => {
        asked.push(name)
        return answer
      },
      replace: async (name, content) => {
        asked.push({ ...name, content })
        return answer
      },
    },
    trace: { read: async () => checkpoints },
  })
  onTestFinished(() => server.close())
  return { server, asked }
}

test('DELETE names the message by what the trace knows of its sender', async () => {
  const { server, asked } = routes('done', [
    received('m/1', 'device sip:alice@cpm.example'),
    received('m/1', 'device sip:alice@cpm.example'),
    received('m2', 'device sip:bob@cpm.example'),
    { ...received('m/1', 'device sip:carol@cpm.example'), what: 'attempted' },
  ])
  const answer = await server.inject({ method: 'DELETE', url: '/messages/m%2F1' })
  expect([answer.statusCode, answer.json()]).toEqual([200, { outcome: 'done', where: 'sms', said: 'so' }])
  expect(asked).toEqual([{ messageId: 'm/1', from: 'sip:alice@cpm.example' }])
})

test('from and to name it where the trace does not', async () => {
  const { server, asked } = routes('done')
  expect((await server.inject({ method: 'DELETE', url: '/messages/m1' })).statusCode).toBe(404)
  const url = '/messages/m1?from=tel%3A%2B12065550100&to=tel%3A%2B12065550123'
  expect((await server.inject({ method: 'DELETE', url })).statusCode).toBe(200)
  expect(asked).toEqual([{ messageId: 'm1', from: 'tel:+12065550100', to: 'tel:+12065550123' }])
})

test('of two senders with the same identity one has to be named', async () => {
  const { server } = routes('done', [received('m', 'device sip:a@x'), received('m', 'device sip:b@x')])
  expect((await server.inject({ method: 'DELETE', url: '/messages/m' })).statusCode).toBe(409)
})

test('PUT carries the text, and nothing else', async () => {
  const { server, asked } = routes('done')
  const put = (payload: object) => server.inject({ method: 'PUT', url: '/messages/m1?from=sip:a@x', payload })
  expect((await put({ text: 'Grüße' })).statusCode).toBe(200)
  expect(asked).toEqual([
    { messageId: 'm1', from: 'sip:a@x', content: { type: 'text/plain;charset=utf-8', text: 'Grüße' } },
  ])
  const refused = [await put({}), await put({ text: '' }), await put({ text: 'x'.repeat(10_001) })]
  expect(refused.map(({ statusCode }) => statusCode)).toEqual([400, 400, 400])
})

test.each([
  ['unknown', 404],
  ['too-late', 409],
  ['refused', 409],
  ['under-way', 409],
  ['unavailable', 503],
] as const)('%s is answered %d, with the reason', async (outcome, status) => {
  const { server } = routes(outcome)
  const answer = await server.inject({ method: 'DELETE', url: '/messages/m1?from=sip:a@x' })
  expect([answer.statusCode, answer.json()]).toMatchObject([status, { outcome, error: `${outcome}: so` }])
})
