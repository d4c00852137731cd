export { smscSimulator } from './command.js'
export { type Fate, fateOf, MAGIC_NUMBERS } from './magic.js'
export { type SmscOptions, type SmscSettings, smscOptionsSchema } from './options.js'
export { type HandsetMessage, type Smsc, type SmscEvents, type Submitted, startSmsc } from './smsc.js'
