import mmsModule from '../../adapters/mms-mm7/index.js'
import { type Mmsc, startMmsc } from '../../adapters/mms-mm7/simulator/index.js'
import type { Uri } from '../../gateway/cpm/ids.js'
import { freePort } from '../../scripts/rig/ports.js'
import { adapterContract, type KitPeer } from '../contract-kit/kit.js'

adapterContract('mms-mm7', mmsModule, async (): Promise<KitPeer> => {
  const inbound = await freePort()
  const vasp = `http://127.0.0.1:${inbound}/mm7`
  let mmsc: Mmsc = await startMmsc({ vasp, retryMs: 30 })
  const { port, url } = mmsc
  let before = ''
  let offered = 0
  const taken = () =>
    mmsc.submits
      .filter((submitted) => submitted.taken)
      .map(({ text }) => text)
      .join('')
  const account = (timers: Record<string, unknown> = {}) => ({
    name: 'kit',
    url,
    window: 32,
    rate: 'unlimited',
    timers: { probe: '30ms', retryFirst: '20ms', retryMax: '50ms', ...timers },
  })
  const listening = { inbound: { listen: `127.0.0.1:${inbound}` } }
  return {
    options: { accounts: [account()], ...listening },
    user: 'tel:+12065550123' as Uri,
    home: 'tel:+12065550100' as Uri,
    busy: 'tel:+99900000001' as Uri,
    refused: 'tel:+99900000003' as Uri,
    // The kit's own adapter listens on the port already.
    silent: { user: 'tel:+99900000004' as Uri, options: { accounts: [account({ request: '50ms' })] } },
    failing: 'tel:+99900000006' as Uri,
    slow: {
      options: { accounts: [account({ request: '30ms' })] },
      begin: () => mmsc.change({ answerDelayMs: 150 }),
    },
    received: () => before + taken(),
    offered: () => offered + mmsc.counts.submits,
    say: async (text) => {
      const status = await mmsc.deliver({ from: '+12065550123', to: '+12065550100', text })
      return status < 2000 ? 'taken' : 'refused'
    },
    async down() {
      await mmsc.stop()
      before += taken()
      offered += mmsc.counts.submits
    },
    up: async () => {
      mmsc = await startMmsc({ port, vasp, retryMs: 30 })
    },
    close: () => mmsc.stop(),
  }
})
