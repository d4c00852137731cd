export { xmppSimulator } from './command.js'
export { type Fate, fateOf, MAGIC_USERS } from './magic.js'
export { type Arrived, type Said, startXmppServer, type XmppServer } from './server.js'
