import { expect, it } from 'vitest'
import { digestResponse, parseCredentials, provesPassword } from '../../../gateway/cpm/digest.js'
import type { Heard, ScriptedMmsc } from '../scripted-mmsc.js'
import { account, mmscFor, OK, rigFor, said } from './outbound-stage.js'

const PROFILE = { user: 'cw', password: 'secret', auth: 'digest', window: 1 }

const challenge = (nonce: string, more = ''): Buffer =>
  Buffer.from(
    `HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="m", nonce="${nonce}", algorithm=MD5, qop="auth", Digest realm="m", nonce="${nonce}", algorithm=SHA-256, qop="auth"${more}\r\nContent-Length: 0\r\n\r\n`,
  )
const given = ({ headers }: Heard) => parseCredentials(headers.authorization ?? '')[0]

/** Takes who proves the password with this nonce. */
function guarded(mmsc: ScriptedMmsc, nonce: () => string, stale = ', stale=true') {
  mmsc.act((heard) => {
    const credentials = given(heard)
    const proven = credentials?.nonce === nonce() && provesPassword(credentials, 'secret', 'POST')
    return proven ? OK : challenge(nonce(), credentials ? stale : '')
  })
}

it('the challenge of an MMSC is answered, and serves the requests that follow', async () => {
  const mmsc = await mmscFor()
  guarded(mmsc, () => 'n1')
  const rig = await rigFor([account(mmsc.url, PROFILE)])
  expect(await rig.send({})).toMatchObject({ kind: 'accepted' })
  expect(await rig.send({})).toMatchObject({ kind: 'accepted' })
  expect(mmsc.heard.map((heard) => given(heard)?.nc)).toEqual([undefined, '00000001', '00000002'])
  const first = mmsc.heard[1] && given(mmsc.heard[1])
  expect(first).toMatchObject({ username: 'cw', realm: 'm', uri: '/mm7', algorithm: 'SHA-256' })
  expect(first && digestResponse(first, 'secret', 'POST')).toBe(first?.response)
  expect(mmsc.heard.map(({ received }) => received.transactionId)).toHaveLength(3)
})

it.each([', stale=true', ''])('a nonce that has grown old is changed for the new one, unseen (%j)', async (stale) => {
  const mmsc = await mmscFor()
  let nonce = 'n1'
  guarded(mmsc, () => nonce, stale)
  const rig = await rigFor([account(mmsc.url, PROFILE)])
  await rig.send({})
  nonce = 'n2'
  expect(await rig.send({})).toMatchObject({ kind: 'accepted' })
  expect(mmsc.heard.map((heard) => given(heard)?.nonce)).toEqual([undefined, 'n1', 'n1', 'n2'])
  expect(mmsc.heard.map((heard) => given(heard)?.nc)).toEqual([undefined, '00000001', '00000002', '00000001'])
})

it('a password that is not believed closes the account; the same credentials are not sent twice', async () => {
  const mmsc = await mmscFor(challenge('n1'))
  const rig = await rigFor([account(mmsc.url, PROFILE)])
  const outcome = await rig.send({})
  expect([outcome.kind, said(outcome)]).toEqual(['busy', expect.stringContaining('401')])
  expect(mmsc.heard).toHaveLength(2)
  expect(rig.adapter.health().state).toBe('refused')
})

it('a challenge that cannot be answered, or basic where digest is asked for, is a refusal at once', async () => {
  const unknown = Buffer.from(
    'HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm="m", nonce="n", algorithm=SHA-512-256, qop="auth"\r\nContent-Length: 0\r\n\r\n',
  )
  for (const [auth, answer] of [
    ['digest', unknown],
    ['basic', challenge('n1')],
  ] as const) {
    const mmsc = await mmscFor(answer)
    const rig = await rigFor([account(mmsc.url, { ...PROFILE, auth })])
    expect(await rig.send({})).toMatchObject({ kind: 'busy', reason: 'authentication' })
    expect(mmsc.heard).toHaveLength(1)
  }
})
