import { expect } from 'vitest'
import { header } from '../../scripts/rig/sip-text.js'
import { NUMBER_OF, stage } from './harness.js'

const account = { timers: { request: '500ms', connect: '2s', bind: '2s' } }
const afterService = { answer: 'after-service', answerWithin: '2s' }

stage('the answer waits for the service', { account, policies: afterService }, (play) => {
  play(
    'FLOW-26b IW-09 a recipient the service does not know is the SIP answer, and no IMDN repeats it',
    ({ alice }) => [
      alice.sends({ to: 'tel:+99941003', text: 'who?' }, 404),
      alice.sends({ to: 'tel:+12065561001', text: 'you' }),
      alice.receivesReport('delivered'),
      alice.hasNothingElse(),
    ],
  )

  play('FLOW-25b a service that does not answer leaves 202', ({ alice, smsc }) => [
    alice.sends({ to: 'tel:+99941004', text: 'hello?' }),
    smsc.receives({ to: '99941004' }),
  ])
})

stage('after a negative receipt', { account, second: true, policies: { nextServiceAfterReport: true } }, (play) => {
  play('IW-08 IW-09 the next service is tried, and the last failure is told, once', ({ alice, smsc, second }) => [
    alice.sends({ to: 'tel:+99942006', text: 'try both' }),
    smsc.receives({ to: '99942006', text: 'try both' }),
    second.receives({ to: '99942006', text: 'try both' }),
    alice.receivesReport('failed'),
    alice.hasNothingElse(),
  ])
})

stage(
  'an answer lost, where policy wants no duplicates',
  { account, policies: { uncertain: 'report-error' } },
  (play) => {
    play('the outcome is told as unknown, and nothing is sent again', ({ alice, smsc }) => [
      alice.sends({ to: 'tel:+99943014', text: 'once' }),
      alice.receivesReport('error'),
      smsc.hasTaken(1, '99943014'),
    ])
  },
)

const HIDDEN = { headers: [['Privacy', 'id']] as [string, string][] }

stage(
  'privacy by a pool number',
  {
    policies: { privacy: 'pool' },
    addresses: { pool: { numbers: ['tel:+12065569001'] } },
  },
  (play) => {
    play('ID-18 IW-04 who hides is seen by a pool number, and the answer finds him', ({ alice, smsc }) => [
      alice.sends({ to: 'tel:+12065561002', text: 'guess who', ...HIDDEN }),
      smsc.receives({ from: '12065569001', to: '12065561002', text: 'guess who' }),
      alice.receivesReport('delivered'),
      smsc.handsetWrites({ from: '+12065561002', to: '+12065569001', text: 'Alice?' }),
      alice.receives('Alice?'),
      alice.sends({ to: 'tel:+12065561002', text: 'openly' }),
      smsc.receives({ from: NUMBER_OF.alice, text: 'openly' }),
      alice.receivesReport('delivered'),
    ])
  },
)

stage('identities within CPM', {}, (play) => {
  play('ID-18 where no pool hides him, who hides is refused', ({ alice, smsc }) => [
    alice.sends({ to: 'tel:+12065561003', text: 'hidden', ...HIDDEN }, 403),
    smsc.hasTaken(0, '12065561003'),
  ])

  play(
    'CONV-01 CONV-02 CONV-03 CONV-09 CONV-10 CONV-11 conversation headers arrive as they were sent',
    ({ alice, bob }) => [
      alice.sends(
        {
          to: 'sip:bob@cpm.example',
          text: 'threaded',
          report: [],
          headers: [
            ['Conversation-ID', 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6'],
            ['Contribution-ID', 'abcdef-1234-5678-90ab-cdef01234567'],
            ['InReplyTo-Contribution-ID', '01234567-89ab-cdef-0123-456789abcdef'],
          ],
        },
        200,
      ),
      bob.receives('threaded', ({ request }) => {
        expect(header(request, 'Conversation-ID')).toBe('f81d4fae-7dec-11d0-a765-00a0c91e6bf6')
        expect(header(request, 'Contribution-ID')).toBe('abcdef-1234-5678-90ab-cdef01234567')
        expect(header(request, 'InReplyTo-Contribution-ID')).toBe('01234567-89ab-cdef-0123-456789abcdef')
      }),
    ],
  )

  play('CONV-09 CONV-10 CONV-11 MSG-18 what was absent stays absent', ({ alice, bob }) => [
    alice.sends({ to: `tel:+${NUMBER_OF.bob}`, text: 'loose', report: [] }, 200),
    bob.receives('loose', ({ request }) => {
      for (const name of ['Conversation-ID', 'Contribution-ID', 'InReplyTo-Contribution-ID', 'Non-CPM-Service'])
        expect(header(request, name)).toBe('')
    }),
  ])

  play('CONV-07 a conversation goes on with a contribution', ({ alice, bob }) => [
    alice.sends({ to: 'sip:bob@cpm.example', text: 'half', report: [], headers: [['Conversation-ID', 'c-7']] }, 200),
    bob.receives('half', ({ request }) => {
      expect(header(request, 'Conversation-ID')).toBe('c-7')
      expect(header(request, 'Contribution-ID')).toMatch(/^[0-9a-f-]{36}$/)
    }),
  ])

  play('IW-39 a reply that names a service for an address no service knows is refused', ({ alice, bob }) => [
    alice.sends({ to: 'sip:bob@cpm.example', text: 'by sms', headers: [['Non-CPM-Service', 'sms']] }, 404),
    bob.hasNothingElse(),
  ])
})
