export type { ContentReference, Mm7Address, Mm7Status } from './codec.js'
export { type Dialect, isFault, type Mm7Fault, STATUS } from './fault.js'
export {
  type Oddity,
  type Received,
  readMessage,
  type Sending,
  type SendingStyle,
  USUAL_STYLE,
  type Written,
  writeMessage,
} from './message.js'
export type { Fields, Mm7Message, Operation } from './operations.js'
export { type MmsContent, mediaTypeOf, type Part } from './part.js'
export { dialectOf, RELEASES, type Release } from './soap.js'
