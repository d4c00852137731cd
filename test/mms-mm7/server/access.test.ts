import { expect, it } from 'vitest'
import { optionsSchema } from '../../../adapters/mms-mm7/profile.js'
import { createAccess, isOpenToAll } from '../../../adapters/mms-mm7/server/access.js'

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
  return createAccess(read)
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
  const { knows } = accessOf({ credentials: [{ user: 'mmsc', password: 'a:b' }] })
  const basic = (text: string) => Buffer.from(text).toString('base64')
  expect(knows(`Basic ${basic('mmsc:a:b')}`)).toBe(true)
  expect(knows(`basic  ${basic('mmsc:a:b')}`)).toBe(true)
  for (const wrong of [undefined, '', 'Basic', `Basic ${basic('mmsc:')}`, `Digest ${basic('mmsc:a:b')}`]) {
    expect(knows(wrong)).toBe(false)
  }
})

it.for<[object, boolean]>([
  [{}, true],
  [{ listen: '[::]:8090' }, true],
  [{ listen: '127.0.0.1:8090' }, false],
  [{ listen: '[::1]:8090' }, false],
  [{ allow: ['10.0.0.0/8'] }, false],
  [{ credentials: [{ user: 'mmsc', password: 'x' }] }, false],
  [{ tls: { cert: 'c', key: 'k', clientCa: 'a' } }, false],
  [{ tls: { cert: 'c', key: 'k' } }, true],
])('%j is open to everybody: %s', ([options, open]) => {
  const inbound = inboundOf(options)
  expect(inbound && isOpenToAll(inbound)).toBe(open)
})
