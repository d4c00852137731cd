import { expect } from 'vitest'
import { openUserAgent } from '../../scripts/rig/user-agent.js'
import { DOMAIN, NUMBER_OF, stage } from './harness.js'

const slow = { policies: { retry: { first: '1h', factor: 1, max: '1h' } } }

stage('a user who is away and comes back', { ...slow, sip: { requestTimeout: '1s' } }, (play) => {
  play(
    'IWF-MSG-02 what came meanwhile is there when he registers, after a restart as well',
    ({ alice, smsc, gateway }) => [
      alice.answers(480),
      smsc.handsetWrites({ from: '+12065571001', to: `+${NUMBER_OF.alice}`, text: 'one' }),
      smsc.handsetWrites({ from: '+12065571001', to: `+${NUMBER_OF.alice}`, text: 'two' }),
      gateway.counts('causeway_deferred_messages_total', { event: 'kept' }),
      gateway.dies(),
      alice.answers(200),
      alice.registers(),
      alice.receives('one'),
      alice.receives('two'),
    ],
  )

  play('IWF-REP-02 so is the report about his message', ({ alice, smsc, gateway }) => [
    alice.answers(480),
    alice.sends({ to: 'tel:+12065571002', text: 'tell me' }),
    smsc.receives({ to: '12065571002', text: 'tell me' }),
    gateway.counts('causeway_lane_waiting', { lane: 'reports' }),
    alice.answers(200),
    alice.registers(),
    alice.receivesReport('delivered'),
    alice.hasNothingElse(),
  ])

  play('a device that never answers', ({ alice, smsc, gateway }) => [
    alice.answers(0),
    smsc.handsetWrites({ from: '+12065571003', to: `+${NUMBER_OF.alice}`, text: 'silence' }),
    gateway.counts('causeway_deferred_messages_total', { event: 'kept' }),
    alice.answers(200),
    alice.registers(),
    alice.receives('silence'),
  ])

  play('GAP-02 each of his devices gets a copy', ({ alice, smsc, gateway }) => {
    const { sip } = gateway.rig
    return [
      async () => {
        const tablet = await openUserAgent({ server: sip, domain: DOMAIN, user: 'alice', password: 'alice-secret' })
        try {
          expect((await tablet.register()).status).toBe(200)
          await smsc.handsetWrites({ from: '+12065571004', to: `+${NUMBER_OF.alice}`, text: 'both' })()
          await tablet.nextText('the copy', ({ text }) => text === 'both')
          await alice.receives('both')()
          await tablet.register(0)
        } finally {
          tablet.close()
        }
      },
    ]
  })
})

stage('a device that is gone without a word', {}, (play) => {
  play('MSG-18 the sender hears at once that another device of the recipient has it', ({ alice, bob, gateway }) => [
    async () => {
      const tablet = await openUserAgent({
        server: gateway.rig.sip,
        domain: DOMAIN,
        user: 'bob',
        password: 'bob-secret',
      })
      expect((await tablet.register()).status).toBe(200)
      tablet.close()
    },
    alice.sends({ to: 'sip:bob@cpm.example', text: 'who is there?', report: [] }, 200),
    bob.receives('who is there?'),
  ])
})

stage('Redis away', {}, (play) => {
  play('503 while it is, nothing lost and nothing twice when it is back', ({ alice, smsc, gateway }) => {
    let written: Promise<number> = Promise.resolve(0)
    return [
      gateway.redisStands(true),
      alice.sends({ to: 'tel:+12065571005', text: 'not now' }, 503),
      alice.wasAnsweredWith('Retry-After', /^\d+$/),
      smsc.does((centre) => {
        written = centre.deliver({ from: '+12065571006', to: `+${NUMBER_OF.alice}`, text: 'knock' })
      }),
      smsc.does(
        (centre) =>
          new Promise<void>((resolve) => {
            centre.events.on('pdu', (pdu) => pdu.command === 'deliver_sm_resp' && pdu.status === 0x64 && resolve())
          }),
      ),
      gateway.redisStands(false),
      async () => expect(await written).toBe(0),
      alice.receives('knock'),
      alice.sends({ to: 'tel:+12065571007', text: 'now' }),
      smsc.receives({ to: '12065571007', text: 'now' }),
      alice.receivesReport('delivered'),
      alice.hasNothingElse(),
    ]
  })
})

stage('a long message and a kill', { smsc: { answerDelayMs: 300 } }, (play) => {
  play(
    'FN-08 IWF-MSG-01 killed between two parts, the message is sent whole and reported once',
    ({ alice, smsc, gateway }) => [
      alice.sends({ to: 'tel:+12065571008', text: 'a part and '.repeat(60) }),
      smsc.receives({ to: '12065571008' }),
      smsc.receives({ to: '12065571008' }),
      gateway.dies(),
      alice.receivesReport('delivered'),
      alice.hasNothingElse(),
    ],
  )
})
