import Fastify from 'fastify'
import { expect, onTestFinished, test } from 'vitest'
import type { History } from '../../gateway/conversation/history.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import { historyRoutes } from '../../gateway/http/history.js'
import type { XcapPrincipal } from '../../gateway/http/xcap.js'
import { noHistory } from './no-history.js'

const ALICE = 'sip:alice@cpm.example' as Uri

function serve(principal: XcapPrincipal | undefined) {
  const asked: unknown[] = []
  const history: History = {
    ...noHistory,
    async read(user, query) {
      asked.push([user, query])
      return { items: [], before: 5 }
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

test.each(['GET', 'DELETE'] as const)('%s by nobody, or by the operator, touches nothing', async (method) => {
  const nobody = serve(undefined)
  expect((await nobody.server.inject({ method, url: '/history' })).statusCode).toBe(401)
  const operator = serve({ kind: 'operator' })
  expect((await operator.server.inject({ method, url: '/history' })).statusCode).toBe(403)
  expect([nobody.asked, operator.asked]).toEqual([[], []])
})
