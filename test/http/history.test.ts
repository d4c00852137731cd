import Fastify from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import { type History, type HistoryItem, itemOf } from '../../gateway/conversation/history.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import type { CpmMessage } from '../../gateway/cpm/message.js'
import { historyRoutes } from '../../gateway/http/history.js'
import type { XcapPrincipal } from '../../gateway/http/xcap.js'
import { noHistory } from './no-history.js'

const ALICE = 'sip:alice@cpm.example' as Uri
const BOB = 'sip:bob@cpm.example' as Uri

function serve(principal: XcapPrincipal | undefined, items: readonly HistoryItem[] = []) {
  const asked: unknown[] = []
  const history: History = {
    ...noHistory,
    async read(user, query) {
      asked.push([user, query])
      return { items, before: 5 }
    },
    clear: async (user) => void asked.push(user),
  }
  const server = Fastify()
  server.register(
    async (own) =>
      historyRoutes(own, history, async (_request, reply) => {
        if (!principal) reply.code(401).send('')
        return principal
      }),
    { prefix: '/history' },
  )
  onTestFinished(() => server.close())
  return { server, asked }
}

test('GAP-01 a user reads his own history, page by page, and has it forgotten', async () => {
  const { server, asked } = serve({ kind: 'user', uri: ALICE })
  const page = await server.inject('/history?conversation=c1&before=7')
  expect([page.statusCode, page.json()]).toEqual([200, { items: [], before: 5 }])
  expect((await server.inject({ method: 'DELETE', url: '/history' })).statusCode).toBe(204)
  expect(asked).toEqual([[ALICE, { conversation: 'c1', before: 7 }], ALICE])
  expect((await server.inject('/history?before=yesterday')).statusCode).toBe(400)
})

test('CPM-CONV-043 CONV-04 what he reads can be put in threads, and in order of sender, subject or time', async () => {
  const base = { privacy: false, expiresAt: 9, dispositions: [] as const, content: { type: 'text/plain', text: 'x' } }
  const asked = {
    ...base,
    messageId: 'm1',
    from: ALICE,
    to: BOB,
    sentAt: 1,
    subject: 'Lunch',
    conversationId: 'c',
    contributionId: 'k1',
  }
  const answered = {
    ...base,
    messageId: 'm2',
    from: BOB,
    to: ALICE,
    sentAt: 2,
    conversationId: 'c',
    contributionId: 'k2',
    inReplyTo: 'k1',
  }
  const items = [itemOf('received', answered as unknown as CpmMessage), itemOf('sent', asked as unknown as CpmMessage)]
  const { server } = serve({ kind: 'user', uri: ALICE }, items)
  const page = (await server.inject('/history?conversation=c')).json()
  expect(page.items).toMatchObject([
    { direction: 'received', with: BOB, sentAt: 2, conversationId: 'c', contributionId: 'k2', inReplyTo: 'k1' },
    { direction: 'sent', with: BOB, sentAt: 1, subject: 'Lunch', conversationId: 'c', contributionId: 'k1' },
  ])
})

test.each(['GET', 'DELETE'] as const)('%s by nobody, or by the operator, touches nothing', async (method) => {
  const nobody = serve(undefined)
  expect((await nobody.server.inject({ method, url: '/history' })).statusCode).toBe(401)
  const operator = serve({ kind: 'operator' })
  expect((await operator.server.inject({ method, url: '/history' })).statusCode).toBe(403)
  expect([nobody.asked, operator.asked]).toEqual([[], []])
})
