import { parseArgs } from 'node:util'
import { gatewayRig } from '../rig/gateway.js'
import { usageOf } from '../rig/usage.js'
import { openUserAgent, type UserAgent } from '../rig/user-agent.js'

const { values } = parseArgs({
  options: { messages: { type: 'string', default: '10000' }, kill: { type: 'boolean', default: true } },
  allowNegative: true,
})
const messages = Number(values.messages)
const SENT_AT_ONCE = 64
const DOMAIN = 'cpm.example'
const WITHIN_MS = 600_000

const megabytes = (octets: number): string => `${Math.round(octets / 1048576)} MB`
const seconds = (since: number): number => (Date.now() - since) / 1000

const gateway = await gatewayRig({
  config: {
    domain: DOMAIN,
    redis: { embedded: { appendfsync: 'always' } },
    users: { alice: { password: 'alice-secret' }, bob: { password: 'bob-secret' } },
    observe: { logLevel: 'info' },
  },
})

const device = (user: string): Promise<UserAgent> =>
  openUserAgent({ server: gateway.sip, domain: DOMAIN, user, password: `${user}-secret`, reports: false })

/** Sends all of them, each next one once an earlier one is answered; resolves with the seconds it took. */
async function sendAll(alice: UserAgent, to: string): Promise<number> {
  const since = Date.now()
  let next = 0
  const sender = async (): Promise<void> => {
    while (next < messages) {
      const { answer } = await alice.say({ to, text: `message ${next++}` })
      if (answer.status !== 202) throw new Error(`expected 202, got ${answer.status}`)
    }
  }
  await Promise.all(Array.from({ length: SENT_AT_ONCE }, sender))
  return seconds(since)
}

/** The messages as a device gets them, until as many are there. */
async function receiveAll(bob: UserAgent, count: number, into: string[]): Promise<void> {
  while (into.length < count) into.push((await bob.nextText('a waiting message', () => true, WITHIN_MS)).text)
}

/** Texts that are missing, that came again, and that came before one kept earlier than it. */
function faults(order: readonly string[], kept: readonly string[]) {
  const place = new Map(kept.map((text, at) => [text, at]))
  const seen = new Set<string>()
  let [again, overtaken, last] = [0, 0, -1]
  for (const text of order) {
    if (seen.has(text)) again++
    else if ((place.get(text) ?? -1) < last) overtaken++
    else last = place.get(text) ?? last
    seen.add(text)
  }
  return { missing: kept.length - seen.size, again, overtaken }
}

try {
  await gateway.start()
  const [alice, bob] = [await device('alice'), await device('bob')]
  await alice.register()
  const kept = await sendAll(alice, bob.uri)
  const afterKeeping = usageOf(gateway.program().pid)
  const got: string[] = []
  const half = Math.floor(messages / 2)
  const since = Date.now()
  await bob.register()
  if (values.kill) {
    await receiveAll(bob, half, got)
    await gateway.end('SIGKILL')
    await gateway.start()
    await bob.register()
  }
  const distinct = () => new Set(got).size
  while (distinct() < messages) await receiveAll(bob, got.length + 1, got)
  const took = seconds(since)
  const { peak } = usageOf(gateway.program().pid)
  const texts = Array.from({ length: messages }, (_, at) => `message ${at}`)
  const { missing, again, overtaken } = faults(got, texts)
  console.log(`
Deferred messages, ${messages.toLocaleString('en')} for one user who is away${values.kill ? ', gateway killed (-9) and started again in the middle' : ''}
  kept                 ${Math.round(messages / kept).toLocaleString('en')}/s
  pushed in order      ${Math.round(messages / took).toLocaleString('en')}/s, ${took.toFixed(1)} s in all
  missing ${missing}, sent again ${again} (what was under way when it was killed)
  overtaken ${overtaken} (up to ${SENT_AT_ONCE} are sent at once: among those the gateway's order counts)
  memory               ${megabytes(afterKeeping.peak)} while keeping, ${megabytes(peak)} while pushing`)
  alice.close()
  bob.close()
} finally {
  await gateway.close()
}
