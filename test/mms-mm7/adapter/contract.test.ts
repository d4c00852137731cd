import mmsModule from '../../../adapters/mms-mm7/index.js'
import { type Mmsc, type MmscOptions, startMmsc } from '../../../adapters/mms-mm7/simulator/index.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { freePort } from '../../../scripts/rig/ports.js'
import { adapterContract, type KitPeer } from '../../contract-kit/kit.js'

const TIMERS = { probe: '20ms', retryFirst: '20ms', retryMax: '50ms' }

interface Variant {
  /** What the account has beside its address. */
  readonly account?: Record<string, unknown>
  readonly mmsc?: MmscOptions
}

const peer = (variant: Variant) => async (): Promise<KitPeer> => {
  const listen = `127.0.0.1:${await freePort()}`
  const settings: MmscOptions = { vasp: `http://${listen}/mm7`, retryMs: 20, ...variant.mmsc }
  let mmsc: Mmsc = await startMmsc(settings)
  const { port, url } = mmsc
  let before = ''
  const taken = () =>
    mmsc.submits
      .filter((submitted) => submitted.taken)
      .map(({ text }) => text)
      .join('')
  const options = (timers: Record<string, string> = {}) => ({
    accounts: [{ name: 'kit', url, rate: 'unlimited', ...variant.account, timers: { ...TIMERS, ...timers } }],
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
    holding: 'tel:+99900000008' as Uri,
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
      mmsc = await startMmsc({ ...settings, port })
    },
    close: () => mmsc.stop(),
  }
}

adapterContract('mms-mm7', mmsModule, peer({}))

adapterContract(
  'mms-mm7, release 5 with prefixes, digits and raw octets',
  mmsModule,
  peer({
    account: {
      release: 'REL-5-MM7-1-2',
      prefix: 'mm7',
      numberForm: 'digits',
      binary: true,
      smil: 'always',
      quoteType: false,
    },
    mmsc: {
      version: '5.3.0',
      namespace: 'http://www.3gpp.org/ftp/Specs/archive/23_series/23.140/schema/REL-5-MM7-1-2',
      prefix: 'mm7:',
      idForm: 'host',
    },
  }),
)
