import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { startSmsc } from '../../adapters/sms-smpp/simulator/index.js'
import { newMessageId, writeCpim } from '../../scripts/rig/cpim.js'
import { gatewayRig } from '../../scripts/rig/gateway.js'
import { smsAdapter } from '../../scripts/rig/smsc-config.js'
import { openUserAgent, type UserAgent } from '../../scripts/rig/user-agent.js'

const DOMAIN = 'cpm.example'
const FRIENDS = `sip:friends@groups.${DOMAIN}`
const SECRET = 'open-sesame'
const REPORT = ['positive-delivery', 'negative-delivery']
const USERS = {
  alice: { password: 'alice-secret', aliases: ['tel:+12065550101'] },
  bob: { password: 'bob-secret' },
  carol: { password: 'carol-secret', preferences: { history: true } },
}

async function play() {
  const smsc = await startSmsc({ port: 0 })
  const gateway = await gatewayRig({
    config: {
      domain: DOMAIN,
      users: USERS,
      conversation: { history: { offered: true } },
      groups: {
        defined: { friends: { address: FRIENDS, members: Object.keys(USERS).map((user) => `sip:${user}@${DOMAIN}`) } },
      },
      interworking: { services: { sms: { adapter: 'smsc' } } },
      adapters: { smsc: smsAdapter(smsc.port) },
      observe: { logLevel: 'trace', charging: true },
    },
  })
  await gateway.start()
  if (smsc.clients().length === 0) await once(smsc.events, 'bind')
  const agents: UserAgent[] = []
  onTestFinished(async () => {
    for (const agent of agents) agent.close()
    await gateway.close()
    await smsc.stop()
  })
  const device = async (user: keyof typeof USERS): Promise<UserAgent> => {
    const options = { server: gateway.sip, domain: DOMAIN, user, password: USERS[user].password }
    const agent = await openUserAgent(options)
    agents.push(agent)
    expect((await agent.register()).status).toBe(200)
    return agent
  }
  return { gateway, smsc, device }
}

test('GAP-08 what people say is in no log line, no trace, no metric and no list of failures, whatever becomes of it', {
  timeout: 60_000,
}, async () => {
  const { gateway, smsc, device } = await play()
  const [alice, bob] = [await device('alice'), await device('bob')]
  const said: string[] = []
  const say = async (to: string, status: number, text = `${SECRET} for ${to}`): Promise<string> => {
    const { answer, messageId } = await alice.say({ to, text, report: REPORT })
    said.push(messageId)
    expect(answer.status, answer.startLine).toBe(status)
    return messageId
  }

  // Delivered, sent by another service, kept for later, spread to a group, refused.
  await alice.nextReport(await say(bob.uri, 200))
  const submitted = once(smsc.events, 'submit')
  await say('tel:+12065550199', 202)
  expect((await submitted)[0].text).toContain(SECRET)
  expect(await smsc.deliver({ from: '+12065550199', to: '+12065550101', text: `${SECRET} back` })).toBe(0)
  await alice.nextText('the answer')
  await say(`sip:carol@${DOMAIN}`, 202)
  await say(FRIENDS, 202)
  await bob.nextText('the copy', ({ text }) => text.includes('friends'))
  await say('ftp:nobody', 416)
  bob.answers(603)
  await say(bob.uri, 603)
  // What cannot be read.
  const body = writeCpim({
    from: 'sip:mallory@elsewhere.example',
    to: bob.uri,
    text: SECRET,
    messageId: newMessageId(),
  })
  expect((await alice.message(bob.uri, body)).status).toBe(403)
  expect((await alice.message(bob.uri, `From ${SECRET}\r\n\r\n${SECRET}`)).status).toBe(400)
  const carol = await device('carol')
  await carol.nextText('what waited', ({ text }) => text.includes('carol'))

  const pages = ['/metrics', '/admin/failed', '/admin/lanes', ...said.map((id) => `/admin/trace/${id}`)]
  const shown = await Promise.all(pages.map(async (page) => (await fetch(gateway.http + page)).text()))
  expect(shown[0]).toContain('causeway_messages_accepted_total')
  expect(shown.filter((page) => page.includes('checkpoints')).length).toBeGreaterThan(4)
  const log = gateway.program().tail()
  expect(log).toContain('charging record')
  for (const text of [...shown, log]) expect(text).not.toContain(SECRET)
})
