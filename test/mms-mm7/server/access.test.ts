import { describe, expect, it } from 'vitest'
import { optionsSchema } from '../../../adapters/mms-mm7/profile.js'
import { createAccess, isOpenToAll } from '../../../adapters/mms-mm7/server/access.js'
import {
  type DigestChallenge,
  digestResponse,
  formatCredentials,
  parseChallenges,
} from '../../../gateway/cpm/digest.js'
import { manualClock } from '../../contract-kit/clock.js'

const clock = manualClock()
const inboundOf = (inbound: object) => {
  const read = optionsSchema.safeParse({
    accounts: [{ name: 'a', url: 'http://mmsc.example/mm7' }],
    inbound: { listen: '0.0.0.0:8090', ...inbound },
  })
  return read.data?.inbound
}
const accessOf = (inbound: object) => {
  const read = inboundOf(inbound)
  if (read === undefined) throw new Error('no proper options')
  return createAccess(read, clock)
}

it('knows addresses and networks of both families, however they are written', () => {
  const { allows } = accessOf({ allow: ['10.1.0.0/16', '192.0.2.7', '2001:db8::/32'] })
  for (const address of ['10.1.255.1', '::ffff:10.1.2.3', '192.0.2.7', '2001:db8:5::1'])
    expect(allows(address)).toBe(true)
  for (const address of ['10.2.0.1', '192.0.2.8', '2001:db9::1', '::ffff:192.0.2.8'])
    expect(allows(address)).toBe(false)
  expect(accessOf({}).allows('203.0.113.1')).toBe(true)
})

it.for(['10.1.2.0/33', '10.1.2/24', '10.1.2.0/', '2001:db8::/129', 'mmsc.example', '10.1.2.0/24/8'])(
  '%s is no network',
  (network) => expect(inboundOf({ allow: [network] })).toBeUndefined(),
)

it('knows users by name and password together, whatever the case of the scheme', () => {
  const { challenge } = accessOf({ credentials: [{ user: 'mmsc', password: 'a:b' }] })
  const knows = (authorization: string | undefined) =>
    challenge({ authorization, method: 'POST', url: '/mm7' }) === undefined
  const basic = (text: string) => Buffer.from(text).toString('base64')
  expect(knows(`Basic ${basic('mmsc:a:b')}`)).toBe(true)
  expect(knows(`basic  ${basic('mmsc:a:b')}`)).toBe(true)
  for (const wrong of [undefined, '', 'Basic', `Basic ${basic('mmsc:')}`, `Digest ${basic('mmsc:a:b')}`]) {
    expect(knows(wrong)).toBe(false)
  }
})

describe('digest', () => {
  const { challenge } = accessOf({ auth: 'digest', credentials: [{ user: 'mmsc', password: 'secret' }] })
  const ask = (authorization?: string, url = '/mm7') => challenge({ authorization, method: 'POST', url })
  const offered = (header: string | undefined): DigestChallenge => {
    const [first] = parseChallenges(header ?? '')
    if (!first) throw new Error('no challenge')
    return first
  }
  const answer = ({ realm, nonce, algorithm }: DigestChallenge, more: Record<string, string> = {}) => {
    const { password = 'secret', ...rest } = more
    const fields = { username: 'mmsc', realm, nonce, algorithm, uri: '/mm7', cnonce: 'c', nc: '00000001', ...rest }
    return formatCredentials({ ...fields, response: digestResponse(fields, password, 'POST') })
  }

  it('who answers the challenge is let in, once with each count, in either algorithm', () => {
    const given = offered(ask())
    expect(given.algorithm).toBe('SHA-256')
    expect(ask(answer(given))).toBeUndefined()
    expect(offered(ask(answer(given))).stale).toBe(true)
    expect(ask(answer(given, { nc: '00000002', uri: 'http://gw.example/mm7' }))).toBeUndefined()
    expect(ask(answer({ ...offered(ask()), algorithm: 'MD5' }))).toBeUndefined()
  })

  it('another password, user, nonce, realm, page or scheme is not', () => {
    const given = offered(ask())
    const wrong = [
      answer(given, { password: 'x' }),
      answer(given, { username: 'x' }),
      answer({ ...given, nonce: 'x' }),
      answer({ ...given, realm: 'x' }),
      answer(given, { uri: '/other' }),
      `Basic ${Buffer.from('mmsc:secret').toString('base64')}`,
      'Digest',
      'Digest x="'.repeat(1_000),
    ]
    for (const authorization of wrong) expect(ask(authorization)).toMatch(/^Digest /)
  })

  it('a nonce grows old, and says so', () => {
    const given = offered(ask())
    clock.advance(300_000)
    expect(offered(ask(answer(given))).stale).toBe(true)
  })
})

const PEM = '-----BEGIN'

it.for<[object, boolean]>([
  [{}, true],
  [{ listen: '[::]:8090' }, true],
  [{ listen: '127.0.0.1:8090' }, false],
  [{ listen: '[::1]:8090' }, false],
  [{ allow: ['10.0.0.0/8'] }, false],
  [{ credentials: [{ user: 'mmsc', password: 'x' }] }, false],
  [{ tls: { cert: PEM, key: PEM, clientCa: PEM } }, false],
  [{ tls: { cert: PEM, key: PEM } }, true],
])('%j is open to everybody: %s', ([options, open]) => {
  const inbound = inboundOf(options)
  expect(inbound && isOpenToAll(inbound)).toBe(open)
})
