import type { AdapterModule } from '../contract/index.js'
import { createXmppAdapter } from './adapter.js'
import { optionsSchema, type XmppOptions } from './profile.js'
import { xmppSimulator } from './simulator/command.js'

/** XMPP, as an external component (XEP-0114) of any server. */
const module: AdapterModule<XmppOptions> = {
  options: optionsSchema,
  create: createXmppAdapter,
  simulators: { xmpp: xmppSimulator },
}

export default module
