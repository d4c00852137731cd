import { expect, test } from 'vitest'
import type { RegisterRequest } from '../../gateway/core/registrar.js'
import { memoryNotes, testClock, testConfig, testCore } from './support.js'

const ONE = 'a3c1d7e2-5b84-4f0e-9c26-71d0e8b5f3a9'
const TWO = 'b4d2e8f3-6c95-4a1f-8d37-82e1f9c6a4b0'
const ICSI =
  '+g.3gpp.icsi-ref="urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.msg,urn%3Aurn-7%3A3gpp-service.ims.icsi.oma.cpm.session"'

const contact = (instance: string, port = 5060, more = '') =>
  `<sip:alice@192.0.2.7:${port};transport=tcp>;+sip.instance="<urn:uuid:${instance}>";${ICSI}${more}`

function setup(sip: object = {}) {
  const clock = testClock()
  const notes = memoryNotes()
  const config = testConfig({ sip })
  const core = testCore(clock, notes, config)
  const alice = core.directory.find('sip:alice@cpm.example')
  if (!alice) throw new Error('no alice')
  let cseq = 0
  const register = (over: Partial<RegisterRequest> = {}) =>
    core.registrar.register({
      user: alice,
      addressOfRecord: 'sip:alice@cpm.example',
      callId: 'call-1',
      cseq: ++cseq,
      flow: 'tcp:192.0.2.7:41000',
      ...over,
    })
  const contacts = async () => (await core.registrar.bindings(alice.uri)).map((binding) => binding.contact)
  return { clock, notes, config, core, alice, register, contacts }
}

test('REG-04 REG-05 REG-13 REG-15 the 200 lists the binding with all its tags, and the addresses of the user', async () => {
  const { register, core, alice } = setup()
  const answer = await register({ contact: `"Tablet" ${contact(ONE, 5060, ';q=0.7;audio')};expires=600` })
  expect(answer).toEqual({
    status: 200,
    headers: {
      Contact: `"Tablet" <sip:alice@192.0.2.7:5060;transport=tcp>;+sip.instance="<urn:uuid:${ONE}>";${ICSI};q=0.7;audio;expires=600`,
      'P-Associated-URI': '<sip:alice@cpm.example>, <tel:+12065550100>',
    },
  })
  const [binding] = await core.registrar.bindings(alice.uri)
  expect(binding).toMatchObject({ instance: `urn:uuid:${ONE}`, flow: 'tcp:192.0.2.7:41000', features: { audio: true } })
})

test('REG-12 REG-14 two devices stand beside each other, the same device replaces itself', async () => {
  const { register, contacts } = setup()
  await register({ contact: contact(ONE, 5060) })
  await register({ contact: contact(TWO, 5062), callId: 'call-2' })
  const answer = await register({ contact: contact(ONE, 5064), callId: 'call-3' })
  expect(answer.headers?.Contact?.match(/<sip:/g)).toHaveLength(2)
  expect(await contacts()).toEqual(['sip:alice@192.0.2.7:5064;transport=tcp', 'sip:alice@192.0.2.7:5062;transport=tcp'])
})

test('REG-02 a refresh moves the expiry and changes the capabilities', async () => {
  const { register, clock, core, alice } = setup()
  await register({ contact: contact(ONE), expires: '600' })
  clock.advance(500_000)
  await register({ contact: `<sip:alice@192.0.2.7>;+sip.instance="<urn:uuid:${ONE}>";video`, expires: '600' })
  clock.advance(500_000)
  const [binding] = await core.registrar.bindings(alice.uri)
  expect(Object.keys(binding?.features ?? {})).toEqual(['+sip.instance', 'video'])
})

test('REG-02 without a refresh the binding goes at its expiry', async () => {
  const { register, clock, contacts } = setup()
  await register({ contact: contact(ONE), expires: '600' })
  clock.advance(599_000)
  expect(await contacts()).toHaveLength(1)
  clock.advance(1_000)
  expect(await contacts()).toEqual([])
  expect((await register()).headers).not.toHaveProperty('Contact')
})

test('REG-03 expires 0 takes one binding away, `*` all of them', async () => {
  const { register, contacts } = setup()
  await register({ contact: contact(ONE, 5060) })
  await register({ contact: contact(TWO, 5062) })
  await register({ contact: `${contact(ONE, 5060)};expires=0` })
  expect(await contacts()).toEqual(['sip:alice@192.0.2.7:5062;transport=tcp'])
  expect(await register({ contact: '*' })).toMatchObject({ status: 400 })
  expect(await register({ contact: '*', expires: '0' })).toMatchObject({ status: 200 })
  expect(await contacts()).toEqual([])
})

test('REG-13 a REGISTER without Contact asks for the list', async () => {
  const { register } = setup()
  await register({ contact: contact(ONE), expires: '600' })
  expect((await register()).headers?.Contact).toContain(';expires=600')
})

test('REG-14 bindings survive a restart', async () => {
  const { register, clock, notes, config, alice } = setup()
  await register({ contact: contact(ONE) })
  const again = testCore(clock, notes, config)
  expect(await again.registrar.bindings(alice.uri)).toHaveLength(1)
})

test('ID-04 REG-15 bindings are found by each address of the user', async () => {
  const { register, core, alice } = setup()
  await register({ contact: contact(ONE), addressOfRecord: 'tel:+12065550100' })
  for (const address of alice.addresses) expect(await core.registrar.bindings(address)).toHaveLength(1)
})

test('RFC 3261 §10.3: an older CSeq of the same Call-ID changes nothing', async () => {
  const { register, contacts } = setup()
  await register({ contact: contact(ONE, 5060), cseq: 7 })
  for (const cseq of [6, 7])
    expect(await register({ contact: contact(ONE, 5070), cseq })).toMatchObject({ status: 500 })
  expect(await register({ contact: '*', expires: '0', cseq: 7 })).toMatchObject({ status: 500 })
  expect(await contacts()).toEqual(['sip:alice@192.0.2.7:5060;transport=tcp'])
})

test('expiry: too short is told so, too long is cut, unreadable counts as an hour', async () => {
  const { register } = setup({ registration: { minExpires: '60s', maxExpires: '2h' } })
  expect(await register({ contact: contact(ONE), expires: '59' })).toEqual({
    status: 423,
    headers: { 'Min-Expires': '60' },
  })
  const granted = async (over: Partial<RegisterRequest>) =>
    /;expires=(\d+)$/.exec((await register({ contact: contact(ONE), ...over })).headers?.Contact ?? '')?.[1]
  expect(await granted({ expires: '4294967295' })).toBe('7200')
  expect(await granted({ expires: 'soon' })).toBe('3600')
  expect(await granted({})).toBe('3600')
})

test('several Contacts are taken all or none', async () => {
  const { register, contacts } = setup()
  const both = `${contact(ONE, 5060)}, ${contact(TWO, 5062)}`
  expect(await register({ contact: `${both};expires=5` })).toMatchObject({ status: 423 })
  expect(await contacts()).toEqual([])
  await register({ contact: both })
  expect(await contacts()).toHaveLength(2)
})

test('a user has a bounded number of devices', async () => {
  const { register, contacts } = setup({ registration: { maxBindings: 2 } })
  for (const port of [1, 2]) await register({ contact: `<sip:alice@192.0.2.7:${port}>` })
  expect(await register({ contact: '<sip:alice@192.0.2.7:3>' })).toMatchObject({ status: 403 })
  expect(await contacts()).toHaveLength(2)
})

test('REG-10 an address that is unknown or of another user is not registered', async () => {
  const { register } = setup()
  expect(await register({ contact: contact(ONE), addressOfRecord: 'sip:carol@cpm.example' })).toMatchObject({
    status: 404,
  })
  expect(await register({ contact: contact(ONE), addressOfRecord: 'sip:bob@cpm.example' })).toMatchObject({
    status: 403,
  })
})

test.each([
  '+sip.instance="<urn:uuid:1234>"',
  '+sip.instance="urn:uuid:a3c1d7e2-5b84-4f0e-9c26-71d0e8b5f3a9"',
  '+sip.instance=x',
  '+sip.instance',
])('ID-09 a malformed device identifier is refused: %s', async (parameter) => {
  const { register } = setup()
  expect(await register({ contact: `<sip:alice@192.0.2.7>;${parameter}` })).toMatchObject({ status: 400 })
})

test.each(['', 'alice', '<tel:+12065550100>', '<sip:alice@192.0.2.7', `<sip:a@x>;t="${'x'.repeat(3000)}"`])(
  'a Contact that cannot be one is refused: %s',
  async (value) => {
    const { register } = setup()
    expect(await register({ contact: value })).toMatchObject({ status: 400 })
  },
)

test('other URNs name a device too, and come back as they were', async () => {
  const { register } = setup()
  const answer = await register({ contact: '<sip:alice@192.0.2.7>;+sip.instance="<urn:gsma:imei:35622609-012345-0>"' })
  expect(answer.headers?.Contact).toContain('+sip.instance="<urn:gsma:imei:35622609-012345-0>"')
})

test('a listener hears of registrations and refreshes, not of ends and questions', async () => {
  const { register, core } = setup()
  const heard: string[] = []
  core.registrar.onRegistered((user) => heard.push(user))
  await register({ contact: contact(ONE) })
  await register()
  await register({ contact: `${contact(ONE)};expires=0` })
  expect(heard).toEqual(['sip:alice@cpm.example'])
})
