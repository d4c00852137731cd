import type { AdapterModule } from '../contract/index.js'
import { createSmsAdapter } from './adapter.js'
import { optionsSchema, type SmsOptions } from './profile.js'
import { smscSimulator } from './simulator/command.js'

/** SMS over SMPP 3.4 and 5.0, as a client (ESME) of message centres. */
const module: AdapterModule<SmsOptions> = {
  options: optionsSchema,
  create: createSmsAdapter,
  simulators: { smsc: smscSimulator },
}

export default module
