import { expect } from 'vitest'
import { stage } from './harness.js'

stage('devices that come and go', {}, (play) => {
  play(
    'REG-03 REGEV-04 a device that has left gets nothing; one that never asked for events gets what waited when it is back',
    ({ alice, bob }) => [
      async () => expect((await alice.agent.register(0)).status).toBe(200),
      bob.sends({ to: alice.agent.uri, text: 'Are you there?' }),
      alice.hasNothingElse(),
      alice.registers(),
      alice.receives('Are you there?'),
    ],
  )
})
