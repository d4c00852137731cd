import { expect, test } from 'vitest'
import { type AuthenticationOutcome, createAuthenticator } from '../../gateway/core/authentication.js'
import { type DigestAlgorithm, digestResponse, formatCredentials, parseChallenges } from '../../gateway/core/digest.js'
import { createNonceCounts, makeNonce, nonceTime } from '../../gateway/core/nonce.js'
import { createUserDirectory } from '../../gateway/core/users.js'
import { DOMAIN, memoryNotes, testClock, testConfig } from './support.js'

const config = testConfig()
const directory = createUserDirectory(config.users, DOMAIN)
const TARGET = `sip:${DOMAIN}`

function node(clock = testClock(), notes = memoryNotes()) {
  return createAuthenticator({ notes, directory, config: config.sip.auth, realm: DOMAIN, clock })
}

function nonceOf(outcome: AuthenticationOutcome): string {
  if (outcome.kind !== 'challenge') throw new Error(`challenge expected, found ${outcome.kind}`)
  return parseChallenges(outcome.challenges.join(', '))[0]?.nonce ?? ''
}

interface Proof {
  readonly nonce: string
  readonly nc?: string
  readonly algorithm?: DigestAlgorithm
  readonly username?: string
  readonly password?: string
  readonly uri?: string
}

function prove({
  nonce,
  nc = '00000001',
  algorithm = 'SHA-256',
  username = 'alice',
  password = 'wonderland',
  uri = TARGET,
}: Proof): string {
  const fields = { username, realm: DOMAIN, nonce, uri, algorithm, cnonce: 'c', nc }
  return formatCredentials({ ...fields, response: digestResponse(fields, password, 'REGISTER') })
}

test('REG-11 REG-18 without credentials there is one challenge for each algorithm, the strongest first', async () => {
  const outcome = await node().authenticate(undefined, 'REGISTER', TARGET)
  const challenges = outcome.kind === 'challenge' ? outcome.challenges : []
  expect(challenges).toHaveLength(2)
  expect(challenges[0]).toMatch(/^Digest realm="cpm\.example", nonce="[^"]+", algorithm=SHA-256, qop="auth"$/)
  expect(challenges[1]).toContain('algorithm=MD5')
})

test.each(['SHA-256', 'MD5'] as const)('REG-11 the right password proves the user with %s', async (algorithm) => {
  const authenticator = node()
  const nonce = nonceOf(await authenticator.authenticate(undefined, 'REGISTER', TARGET))
  const outcome = await authenticator.authenticate(prove({ nonce, algorithm }), 'REGISTER', `${TARGET};transport=tcp`)
  expect(outcome).toMatchObject({ kind: 'user', user: { uri: 'sip:alice@cpm.example' } })
})

test.each(['alice', 'alice@cpm.example', 'sip:alice@cpm.example', '+12065550100@cpm.example'])(
  'the user name of the digest may be written %s',
  async (username) => {
    const authenticator = node()
    const nonce = nonceOf(await authenticator.authenticate(undefined, 'REGISTER', TARGET))
    expect(await authenticator.authenticate(prove({ nonce, username }), 'REGISTER', TARGET)).toMatchObject({
      kind: 'user',
    })
  },
)

test.each([
  ['the password', { password: 'wrong' }],
  ['the user', { username: 'nobody' }],
  ['the request', { uri: 'sip:elsewhere.example' }],
])('REG-11 %s is wrong', async (_, wrong) => {
  const authenticator = node()
  const nonce = nonceOf(await authenticator.authenticate(undefined, 'REGISTER', TARGET))
  expect(await authenticator.authenticate(prove({ nonce, ...wrong }), 'REGISTER', TARGET)).toEqual({ kind: 'wrong' })
})

test('a nonce that is too old, made up, or used with this count is stale', async () => {
  const clock = testClock()
  const authenticator = node(clock)
  const nonce = nonceOf(await authenticator.authenticate(undefined, 'REGISTER', TARGET))
  const stale = async (header: string) => {
    const outcome = await authenticator.authenticate(header, 'REGISTER', TARGET)
    return outcome.kind === 'challenge' && parseChallenges(outcome.challenges.join(', ')).every((each) => each.stale)
  }
  expect(await stale(prove({ nonce, nc: '00000002' }))).toBe(false)
  expect(await stale(prove({ nonce, nc: '00000002' }))).toBe(true)
  expect(await stale(prove({ nonce, nc: '00000001' }))).toBe(true)
  expect(await stale(prove({ nonce, nc: '00000003' }))).toBe(false)
  expect(await stale(prove({ nonce: makeNonce('another secret', clock.now(), '0'.repeat(16)) }))).toBe(true)
  clock.advance(config.sip.auth.nonceLife + 1)
  expect(await stale(prove({ nonce, nc: '00000004' }))).toBe(true)
})

test('a challenge of one node is answered at another', async () => {
  const notes = memoryNotes()
  const clock = testClock()
  const nonce = nonceOf(await node(clock, notes).authenticate(undefined, 'REGISTER', TARGET))
  expect(await node(clock, notes).authenticate(prove({ nonce }), 'REGISTER', TARGET)).toMatchObject({ kind: 'user' })
})

test('the time of a nonce cannot be changed', () => {
  const nonce = makeNonce('secret', 1_700_000_000_000, '0123456789abcdef')
  expect(nonceTime('secret', nonce)).toBe(1_700_000_000_000)
  expect(nonceTime('secret', nonce.replace(/^./, 'z'))).toBeUndefined()
  expect(nonceTime('secret', '')).toBeUndefined()
})

test('nonce counts that were forgotten are not taken again', () => {
  const counts = createNonceCounts(2)
  expect(counts.use('a', 1, 1)).toBe(true)
  expect(counts.use('b', 2, 1)).toBe(true)
  expect(counts.use('c', 3, 1)).toBe(true)
  expect(counts.use('a', 1, 1)).toBe(false)
  expect(counts.use('b', 2, 2)).toBe(true)
  expect(counts.use('d', 4, 1)).toBe(true)
})
