import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GatewayRig, gatewayRig } from '../../scripts/rig/gateway.js'
import { openUserAgent, type UserAgent } from '../../scripts/rig/user-agent.js'
import { nextNotifications, told } from '../conversation/group/stage.js'

const DOMAIN = 'cpm.example'
const GROUP = `sip:everybody@groups.${DOMAIN}`
const MEMBERS = Array.from({ length: 40 }, (_, index) => `member${index}`)

let gateway: GatewayRig
let alice: UserAgent
let members: readonly UserAgent[]

const device = async (user: string): Promise<UserAgent> => {
  const agent = await openUserAgent({ server: gateway.sip, domain: DOMAIN, user, password: `${user}-secret` })
  expect((await agent.register()).status).toBe(200)
  return agent
}

beforeAll(async () => {
  gateway = await gatewayRig({
    config: {
      domain: DOMAIN,
      users: Object.fromEntries(['alice', ...MEMBERS].map((user) => [user, { password: `${user}-secret` }])),
      groups: {
        defined: {
          everybody: {
            address: GROUP,
            send: 'anyone',
            members: MEMBERS.map((user) => `sip:${user}@${DOMAIN}`),
            reports: { wait: '1h', maxBytes: '60kB' },
          },
        },
      },
      interworking: { policies: { retry: { first: '200ms', factor: 1, max: '200ms' } } },
    },
  })
  await gateway.start()
  alice = await device('alice')
  members = await Promise.all(MEMBERS.map(device))
})
afterAll(async () => {
  for (const agent of [alice, ...(members ?? [])]) agent?.close()
  await gateway?.close()
})

test('MSG-13 IMDN-03: kill -9 among the copies of a message to a group; each member has it, and the sender is told once of each', {
  timeout: 60_000,
}, async () => {
  const { answer, messageId } = await alice.say({ to: GROUP, text: 'hi all', report: ['positive-delivery'] })
  expect(answer.status).toBe(202)
  await Promise.race(members.map((member) => member.nextText('the first copy')))
  await gateway.end('SIGKILL')
  await gateway.start()
  expect(told(await nextNotifications(alice, 50_000))).toEqual(MEMBERS.map((user) => `sip:${user} delivered`).sort())
  expect(alice.messages.items).toEqual([])
  // A copy whose answer was lost may have come again: it has the same name, by which devices know it.
  for (const { cpim } of members.flatMap((member) => member.messages.items))
    expect(cpim?.headers.get('imdn.Message-ID')).toBe(messageId)
})
