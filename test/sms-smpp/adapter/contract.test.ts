import { once } from 'node:events'
import smsModule from '../../../adapters/sms-smpp/index.js'
import { type Smsc, startSmsc } from '../../../adapters/sms-smpp/simulator/index.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { adapterContract, type KitPeer } from '../../contract-kit/kit.js'

adapterContract('sms-smpp', smsModule, async (): Promise<KitPeer> => {
  let smsc: Smsc = await startSmsc()
  const { port } = smsc
  let before = ''
  const taken = () =>
    smsc.submits
      .filter(({ status }) => status === 0)
      .map((submitted) => submitted.text)
      .join('')
  const options = (more: Record<string, unknown> = {}) => ({
    binds: [
      {
        host: '127.0.0.1',
        port,
        systemId: 'kit',
        password: 'secret',
        rate: 'unlimited',
        backoff: { first: '20ms', max: '50ms' },
        ...more,
      },
    ],
  })
  return {
    options: options(),
    user: 'tel:+12065550123' as Uri,
    home: 'tel:+12065550100' as Uri,
    busy: 'tel:+99900000001' as Uri,
    refused: 'tel:+99900000003' as Uri,
    silent: { user: 'tel:+99900000004' as Uri, options: options({ timers: { request: '50ms' } }) },
    failing: 'tel:+99900000006' as Uri,
    holding: 'tel:+99900000008' as Uri,
    slow: {
      options: options({ timers: { request: '30ms' } }),
      begin: () => smsc.change({ answerDelayMs: 150 }),
    },
    interruptAfter(parts) {
      let left = parts
      smsc.decide(() => {
        left -= 1
        return { answer: left === -1 ? 'cut' : 0, receipts: ['DELIVRD'] }
      })
    },
    received: () => before + taken(),
    offered: () => smsc.counts.submits,
    say: async (text) => {
      const status = await smsc.deliver({ from: '+12065550123', to: '+12065550100', text })
      return status === 0 ? 'taken' : 'refused'
    },
    asking: {
      options: options({ deliveryAck: true }),
      async say(text) {
        const status = await smsc.deliver({ from: '+12065550123', to: '+12065550100', text, reference: 4711 })
        return status === 0 ? 'taken' : 'refused'
      },
      async told() {
        const [reference, stat] = await once(smsc.events, 'acknowledged')
        if (reference !== 4711) throw new Error(`told of ${reference}`)
        return stat === 'DELIVRD' ? 'delivered' : 'failed'
      },
    },
    async down() {
      await smsc.stop()
      before += taken()
    },
    up: async () => {
      smsc = await startSmsc({ port })
    },
    close: () => smsc.stop(),
  }
})
