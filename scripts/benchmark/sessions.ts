import { cpus, totalmem } from 'node:os'
import { parseArgs } from 'node:util'
import { gatewayRig } from '../rig/gateway.js'
import { type GroupMember, openGroupMember } from '../rig/group-member.js'
import { inbox } from '../rig/inbox.js'
import { quantile, usageOf } from '../rig/usage.js'

/**
 * Group sessions: one large one in which somebody always speaks, and many small ones at once; what either costs, how long a
 * message takes to each member, and what is left when they are over.
 */
const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '200' },
    rate: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '10' },
    sessions: { type: 'string', default: '1000' },
  },
})
const [members, rate, seconds, sessions] = [values.members, values.rate, values.seconds, values.sessions].map(
  Number,
) as [number, number, number, number]

const DOMAIN = 'cpm.example'
const GROUP = `sip:everybody@groups.${DOMAIN}`
const WITHIN_MS = 30_000
/** Members of each of the small sessions. */
const SMALL = 3
/** Of them, so many are begun at once. */
const AT_ONCE = 16
const uriOf = (index: number): string => `sip:member${index}@${DOMAIN}`
const megabytes = (octets: number): string => `${Math.round(octets / 1_048_576)} MB`
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const gateway = await gatewayRig({
  sip: { auth: { algorithms: ['MD5'] } },
  config: {
    domain: DOMAIN,
    redis: { embedded: { appendfsync: 'everysec' } },
    observe: { logLevel: 'info' },
    users: Object.fromEntries(
      Array.from({ length: members }, (_, index) => [`member${index}`, { password: 'secret' }]),
    ),
    sessions: { maxPerUser: 1_000 },
    groups: {
      defined: {
        everybody: {
          address: GROUP,
          members: Array.from({ length: members }, (_, index) => uriOf(index)),
          maxMembers: members,
          sessions: { maxParticipants: members },
        },
      },
    },
  },
})

const latencies: number[] = []
let heard = 0
const entered = inbox<true>(() => 'a member came in')

function onMessage(body: string): void {
  heard++
  const at = body.lastIndexOf('\r\n\r\n')
  latencies.push(performance.now() - Number(body.slice(at + 4)))
}

function say(member: GroupMember, index: number, talk = member.talks.at(-1)): void {
  if (!talk) throw new Error(`${uriOf(index)} is in no session`)
  const head = `From: <${uriOf(index)}>\r\nTo: <${talk.identity}>\r\nDateTime: 2026-01-01T00:00:00Z`
  talk.client.send(`${head}\r\n\r\nContent-Type: text/plain\r\n\r\n${performance.now()}`)
}

/** Calls `act` so often a second, for so long; resolves after the last one. */
async function paced(perSecond: number, count: number, act: (turn: number) => void): Promise<void> {
  const since = performance.now()
  for (let turn = 0; turn < count; turn++) {
    const due = since + (turn * 1000) / perSecond
    if (due > performance.now()) await sleep(due - performance.now())
    act(turn)
  }
}

async function untilHeard(expected: number): Promise<void> {
  const since = performance.now()
  while (heard < expected && performance.now() - since < WITHIN_MS) await sleep(20)
}

const left = async (): Promise<string> => {
  const of = (part: string) => gateway.metric('causeway_session_parts', { part })
  return `${await of('group')} sessions, ${await of('dialog')} dialogs, ${await of('msrp')} MSRP sessions`
}

async function untilQuiet(): Promise<string> {
  const since = performance.now()
  while (performance.now() - since < WITHIN_MS) {
    if ((await gateway.metric('causeway_session_parts')) === 0) break
    await sleep(100)
  }
  return left()
}

interface Spoken {
  readonly cpu: number
  readonly p50: number
  readonly p99: number
  readonly lost: number
  readonly rss: number
  /** Members that did not take what the others said in time. */
  readonly dropped: number
}

/** So many messages, each to `each` members; what they cost. */
async function speak(perSecond: number, count: number, each: number, act: (turn: number) => void): Promise<Spoken> {
  latencies.length = 0
  heard = 0
  const { pid } = gateway.program()
  const before = usageOf(pid).cpuSeconds
  const since = performance.now()
  await paced(perSecond, count, act)
  await untilHeard(count * each)
  const took = (performance.now() - since) / 1000
  const { cpuSeconds, rss } = usageOf(pid)
  return {
    cpu: ((cpuSeconds - before) / took) * 100,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    lost: count * each - heard,
    rss,
    dropped: await gateway.metric('causeway_group_session_events_total', { event: 'dropped' }),
  }
}

const shown = ({ cpu, p50, p99, lost, rss, dropped }: Spoken): string =>
  `CPU ${cpu.toFixed(0)} % of one, memory ${megabytes(rss)}, to each member p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, lost ${lost}, members dropped ${dropped}`

const joined = async (count: number): Promise<void> => {
  for (let each = 0; each < count; each++) await entered.next('a member', () => true, WITHIN_MS)
}

const people: GroupMember[] = []
try {
  await gateway.start()
  for (let index = 0; index < members; index++) {
    people.push(
      await openGroupMember({
        server: gateway.sip,
        domain: DOMAIN,
        user: `member${index}`,
        password: 'secret',
        onMessage,
        onTalk: () => entered.push(true),
      }),
    )
  }
  const [first] = people
  if (!first) throw new Error('nobody')
  const idle = usageOf(gateway.program().pid).rss
  const begun = performance.now()
  await first.begin(GROUP)
  await joined(members)
  const setUpMs = performance.now() - begun
  await speak(rate, rate * 2, members - 1, (turn) => say(people[turn % members] ?? first, turn % members))
  const large = await speak(rate, rate * seconds, members - 1, (turn) =>
    say(people[turn % members] ?? first, turn % members),
  )
  for (const person of people) person.hangUp()
  const afterLarge = await untilQuiet()

  const since = performance.now()
  const speakers: {
    readonly member: GroupMember
    readonly index: number
    readonly talk: GroupMember['talks'][number]
  }[] = []
  let next = 0
  const begin = async (): Promise<void> => {
    for (let session = next++; session < sessions; session = next++) {
      const index = (session * SMALL) % members
      const member = people[index] ?? first
      const others = Array.from({ length: SMALL - 1 }, (_, other) => uriOf((index + other + 1) % members))
      speakers.push({ member, index, talk: await member.begin(`sip:lists@${DOMAIN}`, others) })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, begin))
  await joined(sessions * SMALL)
  const manyMs = performance.now() - since
  const running = await left()
  const many = await speak(sessions, sessions * seconds, SMALL - 1, (turn) => {
    const speaker = speakers[turn % speakers.length]
    if (speaker) say(speaker.member, speaker.index, speaker.talk)
  })
  for (const person of people) person.hangUp()
  const afterMany = await untilQuiet()

  console.log(`${cpus().length} × ${cpus()[0]?.model}, ${megabytes(totalmem())}, Node ${process.version}; the members run on the same machine

One session of ${members} members, ${rate} messages a second for ${seconds} s (${rate * (members - 1)} copies a second)
  all in after                ${Math.round(setUpMs)} ms
  ${shown(large)}
  left at the end             ${afterLarge}

${sessions} sessions of ${SMALL} members, one message a second in each for ${seconds} s
  begun and joined            ${Math.round(manyMs)} ms (${Math.round((sessions / manyMs) * 1000)} a second); then ${running}
  ${shown(many)}
  left at the end             ${afterMany}

Memory before                 ${megabytes(idle)}, after ${megabytes(usageOf(gateway.program().pid).rss)}`)
} finally {
  for (const person of people) person.close()
  await gateway.close()
}
// Members wait for calls without end.
process.exit(0)
