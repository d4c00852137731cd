import type { AdapterModule } from '../contract/index.js'
import { createMmsAdapter } from './adapter.js'
import { type MmsOptions, optionsSchema } from './profile.js'
import { mmscSimulator } from './simulator/command.js'

/** MMS over MM7 (3GPP TS 23.140, releases 5 and 6), as a value added service provider (VASP) of MMSCs. */
const module: AdapterModule<MmsOptions> = {
  options: optionsSchema,
  create: createMmsAdapter,
  simulators: { mmsc: mmscSimulator },
}

export default module
