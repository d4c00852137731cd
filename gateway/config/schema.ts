import { z } from 'zod'
import { groupsSchema } from './groups.js'
import { conversationSchema, preferencesSchema } from './preferences.js'
import { presenceSchema } from './presence.js'
import { sessionInterworkingSchema, withoutSessions } from './session-interworking.js'
import { mediaSchema, sessionsSchema } from './sessions.js'
import { duration, size } from './units.js'

/**
 * The configuration: types, defaults, `causeway check` and the reference in docs all come from here.
 * Each key carries one sentence for the engineer who sets it. An unknown key is an error.
 */

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T

/** `udp:127.0.0.1:5060`; port 0 lets the system choose. */
const sipListen = z
  .string()
  .regex(
    /^(udp|tcp|tls|wss?):(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/,
    'expected transport:host:port, e.g. udp:127.0.0.1:5060',
  )
const hostPort = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'expected host:port')
const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:[^\s]+$/i, 'expected an absolute URI')
const cidr = z.string().regex(/^[0-9a-fA-F.:]+(\/\d{1,3})?$/, 'expected an address or a network such as 10.0.0.0/8')

const drachtioServer = z.strictObject({
  host: describe(z.string(), 'Address of the drachtio-server control port. Keep it on loopback or a private network.'),
  port: describe(z.int().min(1).max(65535).default(9022), 'Control port.'),
  secret: describe(z.string(), 'Shared secret of the control port.'),
})

const sipTls = z.strictObject({
  cert: describe(
    z.string().min(1),
    'Our certificate and those between it and the authority (PEM), for listeners on tls and wss and when a server asks for one. Use ${file:…}.',
  ),
  key: describe(z.string().min(1), 'Key of our certificate (PEM). Use ${file:…}.'),
  ca: describe(
    z.string().min(1).optional(),
    'Certificates of the authorities that are believed (PEM), of servers and of clients; default: those of the system.',
  ),
  clientCertificates: describe(
    z.enum(['none', 'optional', 'required']).default('none'),
    'Whether peers that connect over TLS have to show a certificate. One that is shown under optional is checked, too.',
  ),
  verify: describe(
    z.boolean().default(true),
    'Whether certificates of servers we connect to are checked. Without it anybody on the path can read and change messages.',
  ),
})

const sipLimits = z.strictObject({
  messagesPerSecond: describe(
    z.int().min(0).max(1_000_000).default(500),
    'SIP messages a second taken from one address for long; datagrams above it are dropped, connections held back. 0: no limit. The networks of trust and loopback are not limited.',
  ),
  burst: describe(z.int().min(1).max(1_000_000).default(2_000), 'SIP messages taken from one address at once.'),
  connections: describe(z.int().min(1).max(1_000_000).default(10_000), 'Connections open at once.'),
  connectionsPerSource: describe(
    z.int().min(1).max(1_000_000).default(1_000),
    'Connections open at once from one address (IPv6: one /64). Devices behind one NAT share it.',
  ),
})

const sip = z.strictObject({
  listen: describe(
    z.array(sipListen).min(1).default(['udp:127.0.0.1:5060', 'tcp:127.0.0.1:5060']),
    'Where the embedded SIP server listens, transport:host:port with udp, tcp, tls, ws or wss. Not used with a drachtio-server, which has its own settings.',
  ),
  tls: describe(sipTls.optional(), 'Certificates of the embedded SIP server; needed to listen on tls or wss.'),
  limits: describe(sipLimits.prefault({}), 'What one address may take of the embedded SIP server.'),
  server: describe(
    z.union([z.literal('embedded'), drachtioServer]).default('embedded'),
    'embedded, or the drachtio-server to use.',
  ),
  advertise: describe(
    hostPort.optional(),
    'Where nodes that share the Redis reach the SIP of this one, host:port; default: the first address listened on, unless it is 0.0.0.0. A group session lives on one node: the others pass on to it what is for the session, so each has to be in the trust of the others.',
  ),
  core: describe(
    z.union([z.literal('embedded'), uri]).default('embedded'),
    'embedded (registrar and authentication of our own), or the SIP URI of the next hop towards the SIP/IP core.',
  ),
  trust: describe(
    z.array(cidr).default([]),
    'Networks whose P-Asserted-Identity is believed: the SIP/IP core. Identity headers from anybody else are removed.',
  ),
  subscribeOn: describe(
    z.enum(['third-party-register', 'first-request']).default('third-party-register'),
    'With an external core: when we subscribe to the registration events of a user: after its third-party REGISTER, or, for a core that sends none, also at the first request for him (FLOW-01a).',
  ),
  thirdParty: describe(
    z.array(uri).default([]),
    'With the embedded core: application servers (SIP URIs) that are told by REGISTER that a user registered or left, such as a conversation server of your own.',
  ),
  maxMessage: describe(size().default(65_536), 'Largest SIP message accepted, octets; larger ones get 413.'),
  requestTimeout: describe(duration().default(35_000), 'Time to wait for the final answer to a request we send.'),
  outboundParallel: describe(
    z.int().min(1).max(5000).default(256),
    'SIP requests under way at once towards devices and the core.',
  ),
  auth: z
    .strictObject({
      algorithms: describe(
        z
          .array(z.enum(['SHA-256', 'MD5']))
          .min(1)
          .default(['SHA-256', 'MD5']),
        'Digest algorithms offered by the embedded core, in order of preference.',
      ),
      nonceLife: describe(duration().default(300_000), 'Time after which a nonce is stale.'),
      maxWrong: describe(
        z.int().min(1).max(10_000).default(10),
        'Wrong passwords for one user from one address after which that address has to wait.',
      ),
      waitAfterWrong: describe(
        duration().default(300_000),
        'How long it has to wait (503 with Retry-After), and how long a wrong password counts.',
      ),
    })
    .prefault({}),
  registration: z
    .strictObject({
      minExpires: describe(duration().default(60_000), 'Shortest registration accepted; shorter ones get 423.'),
      maxExpires: describe(duration().default(3_600_000), 'Longest registration granted.'),
      maxBindings: describe(z.int().min(1).max(100).default(10), 'Devices of one user at most.'),
      notifyInterval: describe(
        duration().default(5_000),
        'Shortest time between two notifications of one subscription to registration events; changes in between travel together (RFC 3680).',
      ),
    })
    .prefault({}),
})

const user = z.strictObject({
  password: describe(z.string().min(1), 'Password for digest authentication. Use ${env:…} or ${file:…}.'),
  aliases: describe(z.array(uri).default([]), 'Other addresses of the user, e.g. tel:+12065550100.'),
  name: describe(z.string().optional(), 'Display name.'),
  preferences: describe(
    preferencesSchema.optional(),
    'What the user decides about messages for him; a document of his own (XCAP) counts for more.',
  ),
})

const redisUrl = z.string().regex(/^(rediss?|unix):/, 'expected redis://, rediss:// or unix:')
const redis = z.union([
  z.literal('embedded'),
  z.strictObject({
    embedded: z.strictObject({
      appendfsync: describe(
        z.enum(['always', 'everysec', 'no']).default('always'),
        'When the append-only file is synced. Anything but always can lose accepted messages when the machine dies.',
      ),
      binary: describe(z.string().default('redis-server'), 'The redis-server program.'),
    }),
  }),
  redisUrl,
  z.strictObject({
    sentinel: z.strictObject({
      name: describe(z.string(), 'Name of the group of masters.'),
      nodes: describe(z.array(hostPort).min(1), 'The sentinels, host:port.'),
      password: describe(z.string().optional(), 'Password of the Redis servers.'),
    }),
  }),
  z.strictObject({
    cluster: describe(z.array(hostPort).min(1), 'Members of a Redis Cluster to begin with, host:port.'),
  }),
])

const content = z.strictObject({
  url: describe(
    z
      .url({ protocol: /^https?$/, error: 'expected a URL such as https://m.example/content' })
      .transform((url) => url.replace(/\/+$/, ''))
      .optional(),
    'Address under which /content of this listener is reached from outside, e.g. https://m.example/content. Absent: no contents are kept, and no adapter can send a link to one.',
  ),
  life: describe(duration().default(604_800_000), 'How long a content can be fetched.'),
  maxBytes: describe(size().default(10_485_760), 'One content at most.'),
  quota: describe(
    size().default(268_435_456),
    'All contents together at most; they lie in Redis. Beyond it none is taken.',
  ),
})

const http = z.strictObject({
  listen: describe(hostPort.default('127.0.0.1:8080'), 'Health, metrics and administration.'),
  tokens: describe(
    z.array(z.string().min(16)).default([]),
    'Bearer tokens for administration; with none, administration is open to loopback only.',
  ),
  trust: describe(
    z.array(cidr).default([]),
    'Networks of authentication proxies whose X-3GPP-Asserted-Identity is believed: they let users at their documents (XCAP).',
  ),
  content: content.prefault({}),
})

const addressRule = z.strictObject({
  match: describe(z.string(), 'Regular expression over the CPM URI in normal form.'),
  replace: describe(z.string(), 'The URI in the service; $1 … are the groups of match.'),
})
const addresses = z.strictObject({
  own: describe(
    z.boolean().default(true),
    "A user's own address is used where the service can carry it (his tel URI for SMS).",
  ),
  fixed: describe(z.record(uri, uri).default({}), 'CPM address: address in the service, both ways.'),
  rules: describe(z.array(addressRule).default([]), 'Rewriting of the CPM address, first match wins, outbound only.'),
  inbound: describe(
    z.array(addressRule).default([]),
    'Rewriting of the service address dialled into the CPM address, first match wins.',
  ),
  pool: describe(
    z
      .strictObject({
        numbers: describe(z.array(uri).min(1), 'Addresses in the service that are leased per pair of correspondents.'),
        lease: describe(duration().default(604_800_000), 'Life of a lease after its last use.'),
      })
      .optional(),
    'Service numbers lent to users without an address of their own there.',
  ),
})

const retry = z.strictObject({
  first: describe(duration().default(5_000), 'Wait before the second attempt.'),
  factor: describe(z.number().min(1).max(10).default(3), 'Growth of the wait.'),
  max: describe(duration().default(900_000), 'Longest wait.'),
})

const service = z.strictObject({
  adapter: describe(z.string(), 'Name under adapters.'),
  schemes: describe(
    z.array(z.string()).optional(),
    'Target schemes this service is chosen for; default: all it can carry.',
  ),
  prefixes: describe(
    z.array(z.string()).default([]),
    'Numbers it is chosen for, by beginning, e.g. +1206; empty: all.',
  ),
  domains: describe(
    z.array(z.string()).default([]),
    'Domains of sip: targets it is chosen for; empty: the home domain (numbers only).',
  ),
  media: describe(z.array(z.string()).optional(), 'Media types it is chosen for; default: all it can carry.'),
  maxBytes: describe(size().optional(), 'Largest message it is chosen for; default: what it can carry.'),
  textUpTo: describe(
    size().optional(),
    'Longest text, octets, it comes in its order for; with a longer one the services after it are tried first. Default: any.',
  ),
  sessions: describe(
    withoutSessions.optional(),
    'Session invitations to it, where it has no sessions: accept, reject or ask; default: interworking.sessions.without.',
  ),
  addresses: addresses.prefault({}),
})

const interworking = z.strictObject({
  services: describe(
    z.record(z.string().regex(/^[a-z0-9-]{1,32}$/), service).default({}),
    'Non-CPM services by their identifier (header Non-CPM-Service), in order of preference.',
  ),
  addressBook: describe(
    z
      .strictObject({
        url: describe(
          z.url({ protocol: /^https?$/, error: 'expected a URL such as https://book.example/addresses' }),
          'Asked with GET url?address=…; answers {"addresses": ["tel:+12065550102"]}, or 404.',
        ),
        timeout: describe(duration().default(2_000), 'How long a message waits for its answer.'),
        cache: describe(duration().default(600_000), 'How long an answer counts.'),
      })
      .optional(),
    'An address book outside: asked for further addresses of a recipient when no service can use those of his preferences and his aliases (ISF-06). When it fails, the message goes on without it.',
  ),
  policies: z
    .strictObject({
      answer: describe(
        z.enum(['stored', 'after-service']).default('stored'),
        'When the sender gets his SIP answer: once stored (202), or once the service has answered (mapped status).',
      ),
      answerWithin: describe(
        duration().default(10_000),
        'With after-service: longest wait before 202 is sent after all. At most 25s.',
      ),
      replyService: describe(
        z.enum(['honour', 'ignore']).default('honour'),
        "Whether a reply's Non-CPM-Service identifier is used.",
      ),
      nextService: describe(
        z.boolean().default(true),
        'After a failure, try the next service in which the sender has an address.',
      ),
      nextServiceAfterReport: describe(z.boolean().default(false), 'The same after a negative delivery report.'),
      uncertain: describe(
        z.enum(['resend', 'report-error']).default('resend'),
        'An answer of the service was lost: send again (a duplicate is possible) or report error.',
      ),
      uncertainWait: describe(duration().default(30_000), 'Time to wait for the late answer first.'),
      maxLife: describe(duration().default(259_200_000), 'Life of a message at most, and of one without Expires.'),
      rememberFor: describe(
        duration().default(120_000),
        'How long a message that comes again with the same imdn.Message-ID is recognised and not sent twice.',
      ),
      receiptWait: describe(
        duration().default(86_400_000),
        'How long after the end of its life a receipt is still awaited.',
      ),
      recall: describe(
        z.boolean().default(false),
        'Remember every message that a service has taken until its life ends, so that it can be cancelled or replaced there; otherwise only those whose report is awaited.',
      ),
      conversationLife: describe(
        duration().default(604_800_000),
        'How long a pair of correspondents stays in one conversation.',
      ),
      replyLife: describe(
        duration().default(86_400_000),
        'How long a message from outside counts as the answer to the last one sent.',
      ),
      privacy: describe(
        z.enum(['pool', 'refuse']).default('refuse'),
        'Privacy: id and the originator’s address: hide it behind a pool number, or refuse.',
      ),
      retry: retry.prefault({}),
    })
    .prefault({}),
  sessions: sessionInterworkingSchema.prefault({}),
})

const observe = z.strictObject({
  logLevel: describe(
    z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
    'Least severe log line written.',
  ),
  maskNumbers: describe(z.boolean().default(false), 'Write numbers in logs and traces as +1206***0100.'),
  charging: describe(
    z.boolean().default(false),
    'Writes a line to the log for each message, session and report: who, whom, service, parts, outcome, ICID.',
  ),
  traceKeep: describe(
    z.int().min(0).max(10_000_000).default(200_000),
    'Checkpoints of the message trace kept; 0 turns it off.',
  ),
})

/** Options of the adapter itself are checked by its own module. */
const adapter = z.looseObject({
  module: describe(z.string(), 'A built-in module (sms-smpp) or the name of an npm package.'),
})

export const configSchema = z.strictObject({
  node: describe(
    z
      .string()
      .regex(/^[A-Za-z0-9_.-]{1,64}$/, 'expected a name of letters, digits, ., _ and -, at most 64')
      .default('gw1'),
    'Name of this node; unique among those that share one Redis.',
  ),
  domain: describe(z.string().default('cpm.example'), 'The home CPM domain.'),
  dataDir: describe(
    z.string().default('var'),
    'Folder for what the node keeps: the embedded Redis, its socket and file.',
  ),
  defaultCountry: describe(
    z
      .string()
      .regex(/^[A-Z]{2}$/, 'expected a country code of two capital letters, e.g. US')
      .optional(),
    'Country of numbers without an international prefix, ISO 3166.',
  ),
  sip: sip.prefault({}),
  users: describe(
    z.record(z.string(), user).default({}),
    'Users of the embedded core, by the user part of their address.',
  ),
  redis: describe(redis.default('embedded'), 'embedded, a URL, a sentinel group or a cluster.'),
  http: http.prefault({}),
  conversation: conversationSchema.prefault({}),
  groups: groupsSchema.prefault({}),
  sessions: sessionsSchema.prefault({}),
  media: mediaSchema.prefault({}),
  presence: presenceSchema.prefault({}),
  interworking: interworking.prefault({}),
  adapters: describe(
    z.record(z.string().regex(/^[a-z0-9-]{1,32}$/), adapter).default({}),
    'Adapters, by a name of yours.',
  ),
  observe: observe.prefault({}),
})

export type Config = z.output<typeof configSchema>
export type ServiceConfig = Config['interworking']['services'][string]
export type InterworkingPolicies = Config['interworking']['policies']
