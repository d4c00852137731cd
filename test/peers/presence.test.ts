import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { freePort } from '../../scripts/rig/ports.js'
import { DOMAIN } from '../core/support.js'
import { openAgent, pidf } from '../presence/agent.js'
import { type House, startHouse } from '../presence/house.js'
import { sipp } from './sipp.js'

let house: House
let folder: string

/** sipp as presence client: devices that register by digest and prove who they are. */
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-presence-'))
  // sipp knows no other algorithm.
  house = await startHouse({ sip: { auth: { algorithms: ['MD5'] } }, presence: { withoutRules: 'allow' } })
})
afterEach(async () => {
  await house?.stop()
  rmSync(folder, { recursive: true, force: true })
})

const PASSWORDS: Readonly<Record<string, string>> = { alice: 'wonderland', bob: 'builder' }

async function device(scenario: 'presence' | 'publisher', user: string, keys: Readonly<Record<string, string>> = {}) {
  const port = Number(house.udp.split(':').at(-1))
  return sipp({
    scenario,
    server: { host: '127.0.0.1', port },
    port: await freePort(),
    keys: {
      domain: DOMAIN,
      user,
      instance: `5c0f4c0e-0000-4000-8000-${user.padEnd(12, '0').slice(0, 12).replace(/\D/g, 'a')}`,
      ...keys,
    },
    digest: { user, password: PASSWORDS[user] ?? '', uri: DOMAIN },
    folder,
  })
}

test('ID-19 RFC 3903: sipp publishes, refreshes, is refused with an old tag, changes and removes; a watcher sees it', async () => {
  const bob = await openAgent(house.tcp, 'bob')
  await bob.subscribe(`sip:alice@${DOMAIN}`)
  await bob.take()
  const messages = await device('publisher', 'alice')
  const statuses = messages.filter(({ way }) => way === 'received').map(({ octets }) => octets.toString().slice(8, 11))
  expect(statuses).toEqual(['401', '200', '200', '200', '412', '200', '200'])
  let body = ''
  while (!body.includes('id="closed"')) {
    body = (await bob.take()).body
    expect(body).not.toContain('Never')
  }
  bob.close()
})

test('PRES-03 RFC 3856: sipp watches: one notification at once, one for a change, one at the end', async () => {
  const alice = await openAgent(house.tcp, 'alice')
  const watching = device('presence', 'bob', { presentity: 'alice' })
  await vi.waitFor(async () => {
    expect(await house.metrics()).toMatch(/method="NOTIFY",answer="2xx"\} [1-9]/)
  }, 10_000)
  await alice.publish(pidf({ note: 'for sipp' }))
  const notifies = (await watching).filter(
    ({ way, octets }) => way === 'received' && octets.toString().startsWith('NOTIFY'),
  )
  const bodies = notifies.map(({ octets }) => octets.toString())
  expect(bodies.length).toBe(3)
  expect(bodies[1]).toContain('for sipp')
  expect(bodies[2]).toContain('Subscription-State: terminated;reason=timeout')
  alice.close()
})
