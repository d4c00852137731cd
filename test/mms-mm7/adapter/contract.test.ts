import mmsModule from '../../../adapters/mms-mm7/index.js'
import { type Mmsc, startMmsc } from '../../../adapters/mms-mm7/simulator/index.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { adapterContract, type KitPeer } from '../../contract-kit/kit.js'
import { freePort } from '../free-port.js'

const TIMERS = { probe: '20ms', retryFirst: '20ms', retryMax: '50ms' }

adapterContract('mms-mm7', mmsModule, async (): Promise<KitPeer> => {
  const listen = `127.0.0.1:${await freePort()}`
  const vasp = `http://${listen}/mm7`
  let mmsc: Mmsc = await startMmsc({ vasp, retryMs: 20 })
  const { port, url } = mmsc
  let before = ''
  const taken = () =>
    mmsc.submits
      .filter((submitted) => submitted.taken)
      .map(({ text }) => text)
      .join('')
  const options = (timers: Record<string, string> = {}) => ({
    accounts: [{ name: 'kit', url, rate: 'unlimited', timers: { ...TIMERS, ...timers } }],
  })
  const say = async (text: string) => {
    const status = await mmsc.deliver({ from: '+12065550123', to: '+12065550100', text })
    return status === 1000 ? 'taken' : 'refused'
  }
  return {
    options: { ...options(), inbound: { listen } },
    user: 'tel:+12065550123' as Uri,
    home: 'tel:+12065550100' as Uri,
    busy: 'tel:+99900000001' as Uri,
    refused: 'tel:+99900000003' as Uri,
    silent: { user: 'tel:+99900000004' as Uri, options: options({ request: '50ms', late: '0ms' }) },
    failing: 'tel:+99900000006' as Uri,
    slow: {
      options: options({ request: '30ms' }),
      begin: () => mmsc.change({ answerDelayMs: 150 }),
    },
    received: () => before + taken(),
    offered: () => mmsc.counts.submits,
    say,
    async down() {
      await mmsc.stop()
      before += taken()
    },
    up: async () => {
      mmsc = await startMmsc({ port, vasp, retryMs: 20 })
    },
    close: () => mmsc.stop(),
  }
})
