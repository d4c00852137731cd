import { NUMBER_OF, stage } from './harness.js'

stage('two services', { second: true }, (play) => {
  play('ISF-01 MSG-22 without an identifier, the first service in order is chosen', ({ alice, smsc }) => [
    alice.sends({ to: 'tel:+12065553001', text: 'first' }),
    smsc.receives({ to: '12065553001' }),
    alice.receivesReport('delivered'),
  ])

  play('IW-40 IW-42 IWF-14 MSG-20 a reply leaves by the service it names, to its target', ({ alice, second }) => [
    alice.sends({ to: 'tel:+12065553002', text: 'by sms2', headers: [['Non-CPM-Service', 'sms2']] }),
    second.receives({ from: NUMBER_OF.alice, to: '12065553002', text: 'by sms2' }),
    alice.receivesReport('delivered'),
  ])

  play('IW-41 ID-24 a service nobody knows is ignored', ({ alice, smsc }) => [
    alice.sends({ to: 'tel:+12065553003', text: 'by fax', headers: [['Non-CPM-Service', 'fax']] }),
    smsc.receives({ to: '12065553003', text: 'by fax' }),
    alice.receivesReport('delivered'),
  ])

  play('IW-08 refused by the first service, the message leaves by the second', ({ alice, second, gateway }) => [
    alice.sends({ to: 'tel:+99921011', text: 'elsewhere', headers: [['Contribution-ID', 'c-1']] }),
    second.receives({ to: '99921011', text: 'elsewhere' }),
    gateway.counts('causeway_next_service_total'),
  ])

  play('IW-06 IW-07 who has no address in any service is refused', ({ carol, gateway }) => [
    carol.sends({ to: 'tel:+12065553004', text: 'nobody' }, 403),
    carol.wasAnsweredWith('Warning', /399/),
    gateway.counts('causeway_messages_refused_total'),
  ])

  play('IW-33 IW-37 a scheme that no service carries is refused', ({ alice }) => [
    alice.sends({ to: 'wv:somebody@imps.example', text: 'no IMPS here' }, 404),
  ])
})

stage('identifiers ignored by policy', { second: true, policies: { replyService: 'ignore' } }, (play) => {
  play('IW-41 the identifier of a reply is ignored where policy says so', ({ alice, smsc }) => [
    alice.sends({ to: 'tel:+12065553005', text: 'by order', headers: [['Non-CPM-Service', 'sms2']] }),
    smsc.receives({ to: '12065553005', text: 'by order' }),
  ])
})

stage('no other service by policy', { second: true, policies: { nextService: false } }, (play) => {
  play('IW-08 IW-09 without the next service, the failure goes to the originator', ({ alice, second }) => [
    alice.sends({ to: 'tel:+99931011', text: 'refused' }),
    alice.receivesReport('failed'),
    second.hasTaken(0, '99931011'),
  ])
})

stage('a pool of numbers', { addresses: { pool: { numbers: ['tel:+12065559001', 'tel:+12065559002'] } } }, (play) => {
  play(
    'IW-04 IW-06 a user without a number borrows one, and the answer finds him after a restart',
    ({ carol, smsc, gateway }) => [
      carol.sends({ to: 'tel:+12065553006', text: 'lend me one' }),
      smsc.receives({ from: '12065559001', to: '12065553006', text: 'lend me one' }),
      carol.receivesReport('delivered'),
      gateway.dies(),
      smsc.handsetWrites({ from: '+12065553006', to: '+12065559001', text: 'here you are' }),
      carol.receives('here you are'),
    ],
  )
})
