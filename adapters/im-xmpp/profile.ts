import { z } from 'zod'
import { pem } from '../contract/pem.js'
import { describe, domain, duration } from './profile-values.js'

/** The adapter's options: one entry of `components` is one component (XEP-0114) of an XMPP server. */

const timers = z.strictObject({
  connect: describe(duration().default(10_000), 'Time for the connection and its handshake.'),
  answer: describe(
    duration().default(30_000),
    'Time for the proof that the server has taken a stanza; afterwards the outcome is uncertain.',
  ),
  keepalive: describe(duration().default(30_000), 'Silence after which the server is asked whether it lives.'),
  dead: describe(duration().default(30_000), 'Further silence after which the connection is given up.'),
  retryFirst: describe(duration().default(1_000), 'Wait before a lost connection is made again; doubles.'),
  retryMax: describe(duration().default(60_000), 'Longest wait between tries.'),
})

const limits = z.strictObject({
  stanzaChars: describe(
    z.int().min(10_000).max(16_777_216).default(262_144),
    'Characters of one stanza at most; a longer one goes back, one four times as long ends the connection: let the server refuse it before.',
  ),
  depth: describe(z.int().min(4).max(200).default(40), 'Elements within elements at most.'),
  elements: describe(z.int().min(16).max(100_000).default(2_000), 'Elements of one stanza at most.'),
  attributes: describe(z.int().min(8).max(1_000).default(50), 'Attributes of one element at most.'),
})

const tls = z.strictObject({
  mode: describe(
    z.enum(['direct', 'starttls']).default('direct'),
    'TLS from the first octet on, or asked for in the stream; a server that does not offer it then is not spoken to.',
  ),
  ca: describe(pem().optional(), 'Certificates (PEM, or a file) that are believed; default: those of the system.'),
  cert: describe(pem().optional(), 'Our certificate (PEM, or a file), when the server asks for one.'),
  key: describe(pem().optional(), 'Key of our certificate (PEM, or a file).'),
  servername: describe(z.string().optional(), 'Name expected in the certificate of the server; default: host.'),
})

const address = z.strictObject({
  host: describe(z.string().min(1).max(253), 'Address where the server takes components.'),
  port: describe(z.int().min(1).max(65_535).default(5347), 'Port where the server takes components.'),
})

const component = z
  .strictObject({
    host: describe(z.string().min(1).max(253).default('127.0.0.1'), 'Address where the server takes components.'),
    port: describe(z.int().min(1).max(65_535).default(5347), 'Port where the server takes components.'),
    alternates: describe(
      z.array(address).max(20).default([]),
      'Further addresses of the same server or cluster, tried in turn when one cannot be reached.',
    ),
    tls: describe(tls.optional(), 'TLS to the server, whose certificate must be a good one; absent: plain TCP.'),
    domain: describe(domain(), 'Domain of the component: CPM users are known to XMPP as user@domain.'),
    secret: describe(z.string().min(1).max(200), 'Secret that the server shares with the component.'),
    server: describe(
      domain().optional(),
      'A domain that the server hosts itself and that answers pings; default: domain without its first label.',
    ),
    domains: describe(
      z.array(domain()).default([]),
      'XMPP domains reached by this component; empty: those that no other component names.',
    ),
    accept: describe(
      z.array(domain()).default([]),
      'Domains whose users may write to us by this component; empty: all that the server lets pass. Others are refused.',
    ),
    window: describe(
      z.int().min(1).max(10_000).default(256),
      'Stanzas written that the server has not been seen to have taken.',
    ),
    limits: limits.prefault({}),
    timers: timers.prefault({}),
  })
  .transform((given) => ({ ...given, server: given.server ?? given.domain.split('.').slice(1).join('.') }))
  .refine(({ server }) => server !== '', { path: ['server'], error: 'expected the domain of the server' })

export const optionsSchema = z.strictObject({
  components: describe(
    z
      .array(component)
      .min(1)
      .refine(
        (all) => new Set(all.map((each) => each.domain)).size === all.length,
        'two components have the same domain',
      ),
    'Components at XMPP servers.',
  ),
  sipDomains: describe(
    z.array(domain()).default([]),
    'XMPP domains whose users CPM users may address by a sip: URI as well (RFC 7247).',
  ),
  maxBody: describe(z.int().min(1_000).max(1_048_576).default(65_536), 'Octets of the text of one message at most.'),
  receipts: describe(
    z.boolean().default(true),
    'Whether receipts (XEP-0184) are asked for when the sender wants a delivery notification.',
  ),
  markers: describe(
    z.boolean().default(true),
    'Whether read markers (XEP-0333) are asked for when the sender wants a display notification.',
  ),
  upload: describe(
    z
      .strictObject({
        service: describe(domain(), 'Address of the upload service (XEP-0363).'),
        maxFile: describe(z.int().min(1_000).max(104_857_600).default(10_485_760), 'Octets of one file at most.'),
        within: describe(duration().default(60_000), 'Time for one upload.'),
      })
      .optional(),
    'Files are uploaded there and sent as a link; absent: they go to `http.content` if that is set, else they are not carried.',
  ),
  download: describe(
    z
      .strictObject({
        hosts: describe(
          z.array(domain()).max(1_000).default([]),
          'Servers whose files are fetched; empty: all. Links to others stay links.',
        ),
        maxFile: describe(z.int().min(1_000).max(104_857_600).default(2_097_152), 'Octets of one file at most.'),
        within: describe(
          duration().default(20_000),
          'Time for one file; later messages of the same sender wait for it.',
        ),
        parallel: describe(z.int().min(1).max(1_000).default(16), 'Files fetched at once; above it links stay links.'),
        internal: describe(
          z.boolean().default(false),
          'Whether private networks and this host may be asked, and http without TLS; senders choose the links.',
        ),
      })
      .optional(),
    'A link that is all of a message (as XEP-0363 has it) is fetched and sent to CPM as the file; absent: links stay links.',
  ),
  leftOut: describe(
    z.enum(['note', 'refuse']).default('note'),
    'A part that cannot be carried: named in the text and left out, or the whole message refused (another service may take it).',
  ),
  flood: z
    .strictObject({
      rate: describe(
        z.number().min(0.1).max(100_000).default(20),
        'Stanzas per second that one user may send for long.',
      ),
      burst: describe(z.int().min(1).max(100_000).default(100), 'Stanzas that one user may send at once.'),
      domain: z
        .strictObject({
          rate: describe(z.number().min(1).max(1_000_000).default(500), 'Stanzas per second for long.'),
          burst: describe(z.int().min(1).max(1_000_000).default(2_000), 'Stanzas at once.'),
        })
        .prefault({})
        .meta({ description: 'All users of one domain together; those of the server itself are not limited so.' }),
    })
    .prefault({}),
  parallel: describe(
    z.int().min(1).max(10_000).default(256),
    'Stanzas handled at once; above it the server has to wait.',
  ),
  sessions: z
    .strictObject({
      chats: describe(
        z.enum(['messages', 'sessions']).default('messages'),
        'What a chat that an XMPP user begins becomes: single messages, or a CPM session (RFC 7573).',
      ),
      idle: describe(duration().default(600_000), 'Silence after which a chat session is over.'),
      invite: describe(duration().default(180_000), 'Time for the answer to an invitation of an XMPP user.'),
      roomLegs: describe(z.int().min(1).max(100_000).default(10_000), 'Sessions and occupants of rooms at once.'),
    })
    .prefault({}),
})

export type XmppOptions = z.infer<typeof optionsSchema>
/** One component at an XMPP server. */
export type ComponentOptions = XmppOptions['components'][number]
export type SessionOptions = XmppOptions['sessions']
