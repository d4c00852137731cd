import { expect, test } from 'vitest'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { HANDSET } from '../support.js'
import { GROUP, type SessionRigOptions, startSessionRig } from './stage.js'

const NUMBER = 'tel:+19990001' as Uri
const STRANGER = 'tel:+4915550199' as Uri
const groups: SessionRigOptions = {
  isGroup: (address) => address === GROUP,
  mayWrite: (address, sender) => address !== GROUP || sender === HANDSET,
}
const numbered = { addresses: { fixed: { [GROUP]: NUMBER } } }

test('MSG-11 GRP-GAP-01 a member on SMS writes to the number of his group, and reaches it', async () => {
  const rig = await startSessionRig({ ...groups, services: { sms: numbered } })
  expect(await rig.reply('good morning', NUMBER)).toBe('stored')
  expect(await rig.delivered.next()).toMatchObject({ user: GROUP, from: HANDSET })
  expect(rig.quiet()).toBe(true)
})

test('MSG-11 who may not write to the group is refused, and told so by SMS in his language, once', async () => {
  const rig = await startSessionRig({
    ...groups,
    services: { sms: numbered },
    sessionPolicies: { languages: { '+49': 'de' } },
  })
  expect(await rig.reply('let me in', NUMBER, STRANGER)).toBe('refused')
  const sms = await rig.sms()
  expect(sms).toMatchObject({ from: NUMBER, to: STRANGER })
  expect(sms.content).toMatchObject({ text: 'Diese Gruppe nimmt keine Nachrichten von Ihnen an.' })
  expect(await rig.reply('hello?', NUMBER, STRANGER)).toBe('refused')
  expect(rig.delivered.length).toBe(0)
  expect(rig.quiet()).toBe(true)
})

test('MSG-11 a sender whom no answer reaches is not answered', async () => {
  const rig = await startSessionRig({ ...groups, services: { sms: numbered } })
  const message = { ...rig.draft({ to: NUMBER, from: STRANGER }), replyable: false }
  expect((await rig.play('sms').gateway.receiveMessage(message)).kind).toBe('refused')
  expect(rig.quiet()).toBe(true)
})

test('MSG-11 a service that returns what is refused says it itself', async () => {
  const port = { invite: async () => ({ kind: 'refused', reason: 'busy', said: '' }) as const }
  const rig = await startSessionRig({ ...groups, services: { sms: {}, im: numbered }, native: { im: port } })
  const message = rig.draft({ to: NUMBER, from: STRANGER })
  const outcome = await rig.play('im').gateway.receiveMessage(message)
  expect(outcome).toEqual({ kind: 'refused', reason: 'sender-not-allowed' })
  expect(rig.play('im').offered.length).toBe(0)
})
