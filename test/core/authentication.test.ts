import { expect, test } from 'vitest'
import { type AuthenticationOutcome, createAuthenticator } from '../../gateway/core/authentication.js'
import { createUserDirectory } from '../../gateway/core/users.js'
import { type DigestAlgorithm, digestResponse, formatCredentials, parseChallenges } from '../../gateway/cpm/digest.js'
import { createNonceCounts, makeNonce, nonceTime } from '../../gateway/cpm/nonce.js'
import { DOMAIN, memoryNotes, testClock, testConfig } from './support.js'

const config = testConfig()
const directory = createUserDirectory(config.users, DOMAIN)
const TARGET = `sip:${DOMAIN}`

function node(clock = testClock(), notes = memoryNotes()) {
  return createAuthenticator({ notes, directory, config: config.sip.auth, realm: DOMAIN, clock })
}

const asked = (uri: string, sourceHost = '192.0.2.1') => ({ method: 'REGISTER', uri, sourceHost })

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
  const outcome = await node().authenticate(undefined, asked(TARGET))
  const challenges = outcome.kind === 'challenge' ? outcome.challenges : []
  expect(challenges).toHaveLength(2)
  expect(challenges[0]).toMatch(/^Digest realm="cpm\.example", nonce="[^"]+", algorithm=SHA-256, qop="auth"$/)
  expect(challenges[1]).toContain('algorithm=MD5')
})

test.each(['SHA-256', 'MD5'] as const)('REG-11 the right password proves the user with %s', async (algorithm) => {
  const authenticator = node()
  const nonce = nonceOf(await authenticator.authenticate(undefined, asked(TARGET)))
  const outcome = await authenticator.authenticate(prove({ nonce, algorithm }), asked(`${TARGET};transport=tcp`))
  expect(outcome).toMatchObject({ kind: 'user', user: { uri: 'sip:alice@cpm.example' } })
})

test.each(['alice', 'alice@cpm.example', 'sip:alice@cpm.example', '+12065550100@cpm.example'])(
  'the user name of the digest may be written %s',
  async (username) => {
    const authenticator = node()
    const nonce = nonceOf(await authenticator.authenticate(undefined, asked(TARGET)))
    expect(await authenticator.authenticate(prove({ nonce, username }), asked(TARGET))).toMatchObject({
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
  const nonce = nonceOf(await authenticator.authenticate(undefined, asked(TARGET)))
  expect(await authenticator.authenticate(prove({ nonce, ...wrong }), asked(TARGET))).toEqual({ kind: 'wrong' })
})

test('a nonce that is too old, made up, or used with this count is stale', async () => {
  const clock = testClock()
  const authenticator = node(clock)
  const nonce = nonceOf(await authenticator.authenticate(undefined, asked(TARGET)))
  const stale = async (header: string) => {
    const outcome = await authenticator.authenticate(header, asked(TARGET))
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
  const nonce = nonceOf(await node(clock, notes).authenticate(undefined, asked(TARGET)))
  expect(await node(clock, notes).authenticate(prove({ nonce }), asked(TARGET))).toMatchObject({ kind: 'user' })
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

test('REG-11 wrong passwords from one address make it wait, at every node; another address and another user go on', async () => {
  const [clock, notes] = [testClock(), memoryNotes()]
  const nonce = nonceOf(await node(clock, notes).authenticate(undefined, asked(TARGET)))
  const attempt = (nc: number, password: string, sourceHost?: string, username = 'alice') => {
    const proof = prove({ nonce, nc: nc.toString(16).padStart(8, '0'), password, username })
    return node(clock, notes).authenticate(proof, asked(TARGET, sourceHost))
  }
  for (let nc = 1; nc <= config.sip.auth.maxWrong; nc += 1) {
    expect(await attempt(nc, 'guess')).toEqual({ kind: 'wrong' })
  }
  expect(await attempt(20, 'wonderland')).toEqual({ kind: 'wait', seconds: config.sip.auth.waitAfterWrong / 1000 })
  expect(await attempt(21, 'wonderland', '192.0.2.2')).toMatchObject({ kind: 'user' })
  expect(await attempt(22, 'builder', '192.0.2.1', 'bob')).toMatchObject({ kind: 'user' })
  clock.advance(config.sip.auth.waitAfterWrong)
  expect(await attempt(23, 'wonderland')).not.toMatchObject({ kind: 'wait' })
})

test('REG-11 names that nobody has are counted together: a guesser makes no more than one note', async () => {
  const [clock, notes] = [testClock(), memoryNotes()]
  const nonce = nonceOf(await node(clock, notes).authenticate(undefined, asked(TARGET)))
  const attempt = (at: number) => node(clock, notes).authenticate(prove({ nonce, username: `u${at}` }), asked(TARGET))
  for (let at = 0; at < config.sip.auth.maxWrong; at += 1) expect(await attempt(at)).toEqual({ kind: 'wrong' })
  expect(await attempt(99)).toMatchObject({ kind: 'wait' })
})
