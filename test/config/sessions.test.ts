import { expect, test } from 'vitest'
import { problemsOf } from './folder.js'

test('an MSRP port for all addresses needs one that peers are told, TLS a certificate, and no port is taken twice', async () => {
  expect(await problemsOf('media: {listen: ["tcp:0.0.0.0:2855"]}\n')).toEqual([
    '1:18 media.listen.0: expected the address that peers are told in media.advertise, found "tcp:0.0.0.0:2855"',
  ])
  expect(await problemsOf('media: {listen: ["tls:127.0.0.1:2855"]}\n')).toEqual([
    '1:18 media.listen.0: expected a certificate and its key in media.tls, found "tls:127.0.0.1:2855"',
  ])
  expect(await problemsOf('media: {listen: ["tcp:127.0.0.1:8080"]}\n')).toEqual([
    '1:18 media.listen.0: already taken by http.listen, found "tcp:127.0.0.1:8080"',
  ])
  expect(await problemsOf('media: {listen: ["tcp:[::]:2855"], advertise: msrp.example}\n')).toEqual([])
})
