export { type Adaptation, adapt, type Change, carries, type MediaLimits } from './adapt.js'
