import { z } from 'zod'
import { duration, size } from './units.js'

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T
const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:[^\s]+$/i, 'expected an absolute URI')
const listen = z
  .string()
  .regex(/^(tcp|tls):(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'expected transport:host:port, e.g. tcp:127.0.0.1:2855')
const kind = z.string().regex(/^[a-z]{1,32}$/, 'expected a kind of stream such as message, audio or video')
const hostPort = z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'expected host:port, e.g. 192.0.2.9:40000')

/** Sessions of CPM users: invitations and their life. */
export const sessionsSchema = z.strictObject({
  validity: describe(
    duration().default(180_000),
    'How long an invitation that does not say so itself (Expires) waits for its answer (CPM-CONV-016).',
  ),
  maxValidity: describe(duration().default(86_400_000), 'The longest an invitation may wait, whatever it says.'),
  refresh: describe(
    duration().default(1_800_000),
    'Session timer (RFC 4028): within this time each side has to show that it still is there. At least 90s.',
  ),
  maxSessions: describe(z.int().min(1).max(1_000_000).default(10_000), 'Sessions at once on this node; more get 503.'),
  maxPerUser: describe(
    z.int().min(1).max(10_000).default(100),
    'Group sessions that one user may be in at once; more get 486 (GRP-GAP-03).',
  ),
  notifyInterval: describe(
    duration().default(1_000),
    'Shortest time between two notifications of the participants of a group session to one subscriber; changes in between travel together (RFC 4575).',
  ),
  withoutService: describe(
    z.enum(['pass', 'refuse']).default('pass'),
    'An INVITE that names no CPM service: treated as a session, or refused with 403 (SESS-00).',
  ),
  largeMessages: z
    .strictObject({
      above: describe(
        size().default(61_440),
        'Messages of more octets are delivered by a session of their own (large message mode); smaller ones as MESSAGE. Over UDP, 1300B is what the standards ask for.',
      ),
      maxBytes: describe(
        size().default(10_000_000),
        'Largest message taken in large message mode, octets; an invitation for a larger one gets 413.',
      ),
      atOnce: describe(
        z.int().min(1).max(10_000).default(20),
        'Large messages received or delivered at once on this node; each is held in memory.',
      ),
    })
    .prefault({}),
})

/** Media of sessions. */
export const mediaSchema = z.strictObject({
  listen: describe(
    z.array(listen).min(1).default(['tcp:127.0.0.1:0']),
    'Where MSRP is taken, transport:host:port with tcp or tls; port 0: any.',
  ),
  advertise: describe(
    z.string().min(1).optional(),
    'Address that peers are told instead of the one listened on, where they reach us by another.',
  ),
  tls: describe(
    z
      .strictObject({
        cert: describe(z.string().min(1), 'Our certificate (PEM) for MSRP over TLS. Use ${file:…}.'),
        key: describe(z.string().min(1), 'Key of our certificate (PEM). Use ${file:…}.'),
      })
      .optional(),
    'Certificate of MSRP over TLS; needed to listen on tls.',
  ),
  path: describe(
    z.enum(['in', 'out']).default('out'),
    'Whether we stay in the path of the media of one-to-one sessions (SESS-09, SESS-14): in for charging, recording and users behind NAT; out to let them flow directly.',
  ),
  pathIn: describe(
    z.array(uri).default([]),
    'Users for whom we stay in the path all the same; addresses, or sip:*@domain.',
  ),
  pathOut: describe(z.array(uri).default([]), 'Users for whom we do not stay in the path; addresses, or sip:*@domain.'),
  kinds: describe(
    z.array(kind).optional(),
    'Kinds of streams that users may have, e.g. message, audio; others are left out of invitations (MED-06). Default: all.',
  ),
  barred: describe(
    z
      .array(
        z.strictObject({
          users: describe(z.array(uri).min(1), 'Users; addresses, or sip:*@domain.'),
          kinds: describe(z.array(kind).min(1), 'Kinds of streams that they may not have (MED-07).'),
        }),
      )
      .default([]),
    'What single users may not have.',
  ),
  mixer: describe(
    z.record(kind, hostPort).optional(),
    'Where an external mixer takes streams of group sessions, host:port by kind, e.g. audio; kinds not named here are refused (UP-02).',
  ),
  relay: describe(
    z
      .strictObject({
        uri: describe(
          z.string().regex(/^msrps?:\/\/[^\s;@]+;tcp$/i, 'expected an MSRP URI such as msrps://relay.example:2855;tcp'),
          'The relay, as it wants to be asked: msrps://host:port;tcp. Peers are told of the address that it gives us, and have to speak to it as that says (TLS or not).',
        ),
        user: describe(z.string().min(1), 'Our name there.'),
        password: describe(z.string().min(1), 'Our password there. Use ${file:…} or ${env:…}.'),
      })
      .optional(),
    'A relay (RFC 4976) between us and all peers, for a node that they cannot reach. While it has no place for us, invitations with messages to be said are refused with 503.',
  ),
  connectionsPerSource: describe(
    z.int().min(1).max(1_000_000).default(1_000),
    'MSRP connections that one address may have opened to us at once (IPv6: one /64); more are closed at once. The networks of trust and loopback are not limited. Devices behind one NAT share it.',
  ),
  maxMessage: describe(
    size().default(104_857_600),
    'Largest message within a session whose media pass through us, octets.',
  ),
})

export type SessionsConfig = z.output<typeof sessionsSchema>
export type MediaConfig = z.output<typeof mediaSchema>
