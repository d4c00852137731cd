import { expect } from 'vitest'
import { writeCpim } from '../../scripts/rig/cpim.js'
import { header } from '../../scripts/rig/sip-text.js'
import { NUMBER_OF, stage } from '../journeys/harness.js'

stage('messages and reports by the book', {}, (play) => {
  const POSITIVE = ['positive-delivery']
  const NEGATIVE = ['negative-delivery']

  play('IMDN-07 IMDN-01 only the kinds asked for are told', ({ alice, smsc }) => [
    alice.sends({ to: 'tel:+12065581001', text: 'only failure', report: NEGATIVE }),
    smsc.receives({ to: '12065581001' }),
    alice.sends({ to: 'tel:+99981006', text: 'only success', report: POSITIVE }),
    smsc.receives({ to: '99981006' }),
    alice.sends({ to: 'tel:+99982006', text: 'failure', report: NEGATIVE }),
    alice.receivesReport('failed'),
    alice.sends({ to: 'tel:+12065581002', text: 'success', report: POSITIVE }),
    alice.receivesReport('delivered'),
    alice.sends({ to: 'tel:+99983006', text: 'both', report: [...POSITIVE, ...NEGATIVE] }),
    alice.receivesReport('failed'),
    alice.hasNothingElse(),
  ])

  play('ID-20 ID-03 ID-16 what is no address of a user is no target', ({ alice, smsc }) => {
    const body = writeCpim({ from: alice.agent.uri, to: 'tel:+12065581003', text: 'where to?' })
    return [
      alice.sendsBody(alice.agent.instance, body, 416),
      alice.sendsBody('http://cpm.example/alice', body, 416),
      smsc.hasTaken(0, '12065581003'),
    ]
  })

  play('MSG-21 IWF-11 ID-07 the service identifier is in a header, and not in what is read', ({ alice, smsc }) => [
    smsc.handsetWrites({ from: '+12065581004', to: `+${NUMBER_OF.alice}`, text: 'plain words' }),
    alice.receives('plain words', ({ request, cpim }) => {
      expect(header(request, 'Non-CPM-Service')).toBe('sms')
      expect(cpim?.text).toBe('plain words')
      expect(cpim?.headers.get('Subject')).toBeUndefined()
    }),
  ])
})
