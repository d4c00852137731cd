export { fateOf, MAGIC_NUMBERS } from './magic.js'
export { type SmscOptions, type SmscSettings, smscOptionsSchema } from './options.js'
