import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { ListedRecipient } from '../../gateway/cpm/message.js'
import { buildRecipientList } from '../../gateway/cpm/recipient-list.js'
import { writeCpim } from '../../scripts/rig/cpim.js'
import { freePort } from '../../scripts/rig/ports.js'
import { header } from '../../scripts/rig/sip-text.js'
import {
  BOTH,
  DOMAIN,
  FRIENDS,
  friends,
  LISTS,
  notificationsIn,
  openStage,
  type Stage,
  told,
  type UserName,
  uriOf,
} from '../conversation/group/stage.js'
import { type Exchanged, type SippRun, sipp } from './sipp.js'

const TEXT = 'Grüße an alle 👋🏽'
const MEMBERS = ['bob', 'carol'] as const

/** A device played by sipp; it registers from the port at which it is reached. */
type Device = (scenario: SippRun['scenario'], more?: Partial<SippRun>) => Promise<readonly Exchanged[]>

async function device(stage: Stage, user: UserName, folder: string): Promise<Device> {
  const port = await freePort()
  const run: Device = (scenario, more = {}) => {
    const keys = { user, domain: DOMAIN, device: String(port), instance: randomUUID(), ...more.keys }
    return sipp({ scenario, port, folder, ...more, keys })
  }
  await run('register', { server: stage.sip, digest: { user, password: `${user}-secret`, uri: DOMAIN } })
  return run
}

/** What figures 18 and 19 have in common: alice sends, each member takes a copy and reports, alice is told once. */
async function flow(stage: Stage, scenario: 'message' | 'list', target: string, bodyOf: (cpim: string) => string) {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-group-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const alice = await device(stage, 'alice', folder)
  const stop = new AbortController()
  onTestFinished(() => stop.abort())
  const members = await Promise.all(MEMBERS.map((user) => device(stage, user, folder)))
  const taking = members.map((member) => member('member', { giveUp: stop.signal }))
  const [messageId, conversation, contribution] = [`Msg-${randomUUID()}`, randomUUID(), randomUUID()]
  const body = bodyOf(writeCpim({ from: uriOf('alice'), to: target, text: TEXT, report: BOTH, messageId }))
  const extra = [`Conversation-ID: ${conversation}`, `Contribution-ID: ${contribution}`]
  const sent = await alice(scenario, { server: stage.sip, keys: { target }, message: { body, extra } })
  const [copies, reports] = await Promise.all([Promise.all(taking), alice('device', { giveUp: stop.signal })])
  return { sent, copies, reports, messageId, conversation, contribution }
}

/** `method or status` of each message, and which way. */
const steps = (messages: readonly Exchanged[]) =>
  messages.map(({ way, sip }) => `${way} ${sip.status > 0 ? sip.status : sip.method}`)

function expectFlow({ sent, copies, reports, messageId, ...identities }: Awaited<ReturnType<typeof flow>>): void {
  expect(steps(sent)).toEqual(['sent MESSAGE', 'received 202'])
  for (const [index, user] of MEMBERS.entries()) {
    const copy = copies[index] ?? []
    // The copy and its 200, then the report towards the group and its 200.
    expect(steps(copy)).toEqual(['received MESSAGE', 'sent 200', 'sent MESSAGE', 'received 200'])
    const { sip } = copy[0] as Exchanged
    expect(sip.startLine).toMatch(new RegExp(`^MESSAGE sip:${user}@127.0.0.1:\\d+ SIP/2.0$`))
    expect(header(sip, 'Conversation-ID')).toBe(identities.conversation)
    expect(header(sip, 'Contribution-ID')).toBe(identities.contribution)
    expect(header(sip, 'P-Asserted-Identity')).toContain(uriOf('alice'))
    expect(sip.body.toString()).toContain(TEXT)
  }
  expect(steps(reports)).toEqual(['received MESSAGE', 'sent 200'])
  const { sip, at } = reports[0] as Exchanged
  expect(told(notificationsIn(sip))).toEqual(['sip:bob delivered', 'sip:carol delivered'])
  expect(notificationsIn(sip).map((each) => each.messageId)).toEqual([messageId, messageId])
  // Only when all have reported is the sender told.
  for (const copy of copies) expect((copy[2] as Exchanged).at < at).toBe(true)
}

test('FLOW-18 FLOW-18a FLOW-19 FLOW-Y1: sipp sends to a pre-defined group; 202, copies, reports to the group, one notification', async () => {
  const stage = await openStage({
    groups: friends([uriOf('alice'), uriOf('bob'), uriOf('carol')], { reports: { wait: '1h' } }),
  })
  const done = await flow(stage, 'message', FRIENDS, (cpim) => cpim)
  expectFlow(done)
  for (const [copy] of done.copies) expect(copy?.sip.body.toString()).toContain(`To: <${FRIENDS}>`)
})

test('MSG-02 FLOW-18 FLOW-19: sipp sends to a recipient list of its own, and the same happens', async () => {
  const stage = await openStage({ lists: { reports: { wait: '1h' } } })
  const list = MEMBERS.map((user) => ({ uri: uriOf(user), copy: 'to' }) as ListedRecipient)
  const done = await flow(stage, 'list', LISTS, (cpim) =>
    [
      '--list\r\nContent-Type: message/cpim\r\n',
      cpim,
      '--list\r\nContent-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n',
      buildRecipientList(list),
      '--list--\r\n',
    ].join('\r\n'),
  )
  expectFlow(done)
  for (const [copy] of done.copies) expect(copy?.sip.body.toString()).toContain('recipient-list-history')
})
