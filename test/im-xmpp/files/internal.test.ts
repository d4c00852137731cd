import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isInternal } from '../../../adapters/im-xmpp/files/internal.js'

describe('addresses that a stranger must not make us ask', () => {
  test.each(
    (
      '127.0.0.1 0.0.0.0 10.1.2.3 100.64.0.1 169.254.169.254 172.31.255.255 192.168.0.1 224.0.0.1 255.255.255.255 ' +
      ':: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:a00:1 ::FFFF:C0A8:0001 64:ff9b::7f00:1 2002:7f00:1:: fe80::1%eth0 fd00::1 fec0::1 ff02::1 ' +
      'localhost example.org 2130706433'
    ).split(' '),
  )('%s is internal', (address) => expect(isInternal(address)).toBe(true))

  test.each('1.1.1.1 172.32.0.1 192.0.3.1 223.255.255.254 2606:4700::1111 ::ffff:8.8.8.8 2a00:1450::1'.split(' '))(
    '%s is public',
    (address) => expect(isInternal(address)).toBe(false),
  )

  test('an address is judged the same in all its forms', () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        expect(isInternal(`::ffff:${address}`)).toBe(isInternal(address))
      }),
    )
    fc.assert(fc.property(fc.ipV6(), (address) => isInternal(address.toUpperCase()) === isInternal(address)))
    fc.assert(fc.property(fc.string(), (text) => typeof isInternal(text) === 'boolean'))
  })
})
