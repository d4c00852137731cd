import { once } from 'node:events'
import xmppModule from '../../../adapters/im-xmpp/index.js'
import { startXmppServer, type XmppServer } from '../../../adapters/im-xmpp/simulator/index.js'
import type { Uri } from '../../../gateway/cpm/ids.js'
import { adapterContract, type KitPeer } from '../../contract-kit/kit.js'

adapterContract('im-xmpp', xmppModule, async (): Promise<KitPeer> => {
  let server: XmppServer = await startXmppServer()
  const { port } = server
  let before = ''
  const taken = () => server.messages.map(({ text }) => text ?? '').join('')
  const options = (timers: Record<string, string> = {}) => ({
    components: [
      {
        port,
        domain: 'cpm.xmpp.example',
        secret: 'secret',
        timers: { retryFirst: '20ms', retryMax: '50ms', ...timers },
      },
    ],
    flood: { rate: 1000, burst: 1000 },
  })
  const alice = 'alice@cpm.xmpp.example'
  return {
    options: options(),
    user: 'xmpp:bob@xmpp.example' as Uri,
    home: 'sip:alice@cpm.example' as Uri,
    busy: 'xmpp:busy@xmpp.example' as Uri,
    refused: 'xmpp:refused@xmpp.example' as Uri,
    silent: { user: 'xmpp:silent@xmpp.example' as Uri, options: options({ answer: '50ms' }) },
    failing: 'xmpp:failing@xmpp.example' as Uri,
    slow: {
      options: options({ answer: '30ms' }),
      begin: () => server.change({ answerDelayMs: 150 }),
    },
    received: () => before + taken(),
    offered: () => server.counts.offered,
    say: (text) => server.say({ to: alice, text }),
    asking: {
      options: options(),
      say: (text) => server.say({ to: alice, text, receipt: true }),
      async told() {
        for (;;) {
          const [{ received, type }] = await once(server.events, 'message')
          if (received !== undefined) return 'delivered'
          if (type === 'error') return 'failed'
        }
      },
    },
    async down() {
      await server.stop()
      before += taken()
    },
    up: async () => {
      server = await startXmppServer({ port })
    },
    close: () => server.stop(),
  }
})
