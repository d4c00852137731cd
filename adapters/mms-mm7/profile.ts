import { z } from 'zod'
import { pem } from '../contract/pem.js'
import { describe, duration, httpUrl, listenAddress, mediaType, network, token } from './profile-values.js'
import { RELEASES, type Release } from './wire/soap.js'

/** The adapter's options: one entry of `accounts` is one account at an MMS relay/server (MMSC). */

const releases = Object.keys(RELEASES) as [Release, ...Release[]]

const clientTls = z.strictObject({
  ca: describe(pem().optional(), 'Certificates (PEM, or a file) that are believed; default: those of the system.'),
  cert: describe(pem().optional(), 'Our certificate (PEM, or a file), when the MMSC asks for one.'),
  key: describe(pem().optional(), 'Key of our certificate (PEM, or a file).'),
  servername: describe(
    z.string().optional(),
    'Name expected in the certificate of the MMSC; default: the host of url.',
  ),
  verify: describe(
    z.boolean().default(true),
    'Whether the certificate is checked. Without it anybody on the path can read and change messages.',
  ),
})

const serverTls = z.strictObject({
  cert: describe(pem(), 'Our certificate (PEM, or a file).'),
  key: describe(pem(), 'Key of our certificate (PEM, or a file).'),
  clientCa: describe(
    pem().optional(),
    'Certificates (PEM, or a file) one of which must have signed that of the MMSC; absent: none is asked for.',
  ),
})

const timers = z.strictObject({
  connect: describe(duration().default(10_000), 'Time for the TCP (and TLS) connection to come up.'),
  request: describe(duration().default(30_000), 'Time for the answer; afterwards the outcome is uncertain.'),
  late: describe(
    duration().default(60_000),
    'Time for which a late answer is still heard, so that it settles what was uncertain.',
  ),
  idle: describe(
    duration().default(4_000),
    'Time an unused connection is kept. Keep it below the limit of the MMSC: what it closes meanwhile is uncertain.',
  ),
  probe: describe(
    duration().default(30_000),
    'Silence after which a connection is tried, to know whether the MMSC lives.',
  ),
  retryFirst: describe(duration().default(1_000), 'Wait before an MMSC that was out of reach is tried again; doubles.'),
  retryMax: describe(duration().default(60_000), 'Longest wait between tries.'),
})

const account = z.strictObject({
  name: describe(
    z.string().regex(/^[A-Za-z0-9._-]{1,40}$/, 'expected letters, digits, dot, hyphen or underscore'),
    'Name of the account in logs, metrics and the status page.',
  ),
  url: describe(httpUrl, 'Where the MMSC takes MM7 requests.'),
  user: describe(z.string().max(200).optional(), 'User of HTTP authentication; absent: none is sent.'),
  password: describe(z.string().max(200).default(''), 'Password of HTTP authentication.'),
  auth: describe(
    z.enum(['basic', 'digest']).default('basic'),
    'How the password is proven: basic sends it, digest (RFC 7616) answers the challenge of the MMSC.',
  ),
  tls: describe(clientTls.optional(), 'How https is spoken, where the usual way will not do.'),
  weight: describe(
    z.int().min(0).max(1000).default(1),
    'Share of the traffic among MMSCs that can be reached; 0: spare.',
  ),
  vaspId: describe(token(64).optional(), 'VASPID: how the operator names us.'),
  vasId: describe(token(64).optional(), 'VASID: how the operator names this service.'),
  release: describe(z.enum(releases).default('REL-6-MM7-1-4'), 'Schema that is spoken: the end of its namespace.'),
  version: describe(
    z
      .string()
      .regex(/^\d\.\d{1,2}\.\d{1,2}$/, 'expected a version such as 6.8.0')
      .optional(),
    'MM7Version, where it is another than the schema would have.',
  ),
  prefix: describe(
    z
      .string()
      .regex(/^[a-z][a-z0-9]{0,15}$/, 'expected letters and digits')
      .optional(),
    'Prefix of all MM7 elements, such as mm7; absent: none.',
  ),
  soapAction: describe(
    z
      .string()
      .regex(/^[\x20-\x7e]{0,255}$/)
      .default(''),
    'Value of the header SOAPAction, quoted by us.',
  ),
  quoteType: describe(
    z.boolean().default(true),
    'Whether type="text/xml" stands in quotes; some MMSCs refuse either form.',
  ),
  binary: describe(z.boolean().default(false), 'Media go as raw octets instead of base64.'),
  reuse: describe(
    z.boolean().default(true),
    'Whether a connection serves several requests; not at an MMSC that closes it unsaid, or what crosses that is uncertain.',
  ),
  window: describe(z.int().min(1).max(1000).default(4), 'Requests under way at once; many MMSCs set a limit.'),
  rate: describe(
    z.union([z.literal('unlimited'), z.number().min(0.1).max(100_000)]).default(10),
    'Messages per second, or unlimited.',
  ),
  timers: timers.prefault({}),
  together: z
    .strictObject({
      recipients: describe(
        z.int().min(1).max(1000).default(1),
        'Recipients of one request at most, where a message goes to several (a group, a list); 1: each gets his own. The rate counts requests.',
      ),
      wait: describe(duration().default(50), 'Time a message waits for others with the same content.'),
    })
    .prefault({}),
  numberForm: describe(z.enum(['plus', 'digits']).default('plus'), 'Numbers with their + or without.'),
  shortCodeAs: describe(z.enum(['ShortCode', 'Number']).default('ShortCode'), 'Element in which a short code stands.'),
  messageClass: describe(
    z.enum(['Personal', 'Informational', 'Advertisement', 'Auto']).default('Personal'),
    'MessageClass of all messages.',
  ),
  serviceCode: describe(token(64).optional(), 'ServiceCode for billing, where the operator gave one.'),
  chargedParty: describe(
    z.enum(['Sender', 'Recipient', 'Both', 'Neither']).optional(),
    'ChargedParty, where the operator wants it said.',
  ),
  distributionIndicator: describe(
    z.boolean().optional(),
    'DistributionIndicator: whether a recipient may pass the message on; absent: not said.',
  ),
  allowAdaptations: describe(z.boolean().default(true), 'Whether the MMSC may adapt content to the phone.'),
  smil: describe(
    z.enum(['always', 'media', 'never']).default('media'),
    'When a presentation is sent along: always, with anything but one text, or never.',
  ),
  smilRefs: describe(z.enum(['location', 'cid']).default('location'), 'How the presentation names its media.'),
  earliestDelivery: describe(
    z.boolean().default(true),
    'Whether the MMSC keeps a message until its EarliestDeliveryTime (release 6); else the gateway does.',
  ),
  linkedId: describe(
    z.enum(['always', 'once', 'never']).default('always'),
    'Whether an answer carries the LinkedID of what it answers: every one, the first, or none.',
  ),
  deliveryReports: describe(
    z.boolean().default(true),
    'Whether the network sends delivery reports; else none is asked for.',
  ),
  readReplies: describe(z.boolean().default(true), 'Whether the network sends read replies; else none is asked for.'),
  emptyAnswer: describe(
    z.enum(['uncertain', 'accepted']).default('uncertain'),
    'What a successful HTTP answer without readable SOAP means.',
  ),
  statusOverrides: describe(
    z
      .record(
        z.string().regex(/^[1-9]\d{3}$/, 'expected a StatusCode such as 3510'),
        z.enum(['busy', 'refused', 'here']),
      )
      .default({}),
    'Meaning of a StatusCode where this MMSC differs: busy (try again), refused, or here (try another service).',
  ),
})

const credentials = z.strictObject({
  user: describe(z.string().min(1).max(200), 'Name the MMSC gives.'),
  password: describe(z.string().max(200), 'Password that belongs to it.'),
})

const inbound = z.strictObject({
  listen: describe(listenAddress, 'Address where MMSCs bring messages and reports.'),
  path: describe(
    z
      .string()
      .regex(/^\/[\w./-]{0,200}$/, 'expected a path such as /mm7')
      .default('/mm7'),
    'Path of requests.',
  ),
  tls: describe(serverTls.optional(), 'Speak https; absent: plain http.'),
  allow: describe(z.array(network).default([]), 'Addresses and networks that may connect; empty: every one.'),
  credentials: describe(
    z.array(credentials).default([]),
    'Users and passwords of HTTP authentication one of which must be given; empty: none is asked for.',
  ),
  auth: describe(
    z.enum(['basic', 'digest']).default('basic'),
    'How MMSCs prove their password: basic sends it, digest (RFC 7616) answers our challenge.',
  ),
  maxBody: describe(z.int().min(65_536).max(104_857_600).default(10_485_760), 'Octets of one request at most.'),
  parallel: describe(
    z.int().min(1).max(1000).default(32),
    'Requests under way at once; others are told to come later.',
  ),
  maxHeld: describe(
    z.int().min(65_536).max(4_294_967_296).default(67_108_864),
    'Octets of all requests under way; one that does not fit beside the others is told to come later.',
  ),
  unknownRecipient: describe(
    z.enum(['refuse', 'drop']).default('refuse'),
    'Message for nobody here: answered 2003, or taken and dropped.',
  ),
  barred: describe(
    z.enum(['refuse', 'drop']).default('drop'),
    'Message that its recipient does not want: answered 3002, or taken and dropped, so that its sender learns nothing.',
  ),
  recipients: describe(
    z.record(z.string().max(64), z.string().max(320)).default({}),
    'Address behind a VASID, for messages that name no recipient.',
  ),
  newIdRepeats: describe(
    z.boolean().default(false),
    'The MMSC repeats with a new TransactionID: same sender, recipient, TimeStamp and content are one message.',
  ),
  shortCodes: describe(
    z.array(z.string().regex(/^\d{3,8}$/, 'expected 3 to 8 digits')).default([]),
    'Short numbers of this network that come as Number.',
  ),
  countryCode: describe(
    z
      .string()
      .regex(/^\d{1,3}$/, 'expected a country calling code')
      .optional(),
    'Country of incoming national numbers.',
  ),
  trunkPrefix: describe(
    z
      .string()
      .regex(/^\d{1,3}$/, 'expected digits')
      .default('0'),
    'Beginning of national numbers that is left out after the country code.',
  ),
  mailDomains: describe(
    z.array(z.string().max(253)).default([]),
    'Domains of mail addresses whose local part is the number itself.',
  ),
})

const USUAL_TYPES = [
  'text/plain',
  'image/jpeg',
  'image/gif',
  'image/png',
  'audio/amr',
  'video/3gpp',
  'text/x-vcard',
  'text/x-vcalendar',
]

export const optionsSchema = z.strictObject({
  accounts: describe(
    z
      .array(account)
      .min(1)
      .refine((all) => new Set(all.map(({ name }) => name)).size === all.length, 'two accounts have the same name'),
    'Accounts at MMSCs.',
  ),
  inbound: describe(inbound.optional(), 'How MMSCs reach us; absent: nothing comes in, no reports either.'),
  maxSize: describe(z.int().min(10_000).max(10_485_760).default(307_200), 'Octets of one message at most.'),
  maxSource: describe(
    z.int().min(10_000).max(104_857_600).default(10_485_760),
    'Octets of a message before its pictures are fitted to maxSize.',
  ),
  picture: z
    .strictObject({
      width: describe(z.int().min(64).max(8192).default(640), 'Widest picture, pixels.'),
      height: describe(z.int().min(64).max(8192).default(480), 'Highest picture, pixels.'),
    })
    .prefault({}),
  types: describe(z.array(mediaType).min(1).default(USUAL_TYPES), 'Media types that are carried.'),
  leftOut: describe(
    z.enum(['note', 'link', 'refuse']).default('note'),
    'A part that cannot be carried: named in the text and left out, put into our own store (http.content) with a link to it in the text, or the whole message refused (another service may take it).',
  ),
  mailRecipients: describe(z.boolean().default(false), 'Whether messages may go to mail addresses.'),
  reports: z
    .strictObject({
      forwarded: describe(z.enum(['wait', 'delivered']).default('wait'), 'What the report Forwarded means.'),
      indeterminate: describe(
        z.enum(['error', 'delivered', 'wait']).default('error'),
        'What the report Indeterminate means; some MMSCs send it after handing over to another network.',
      ),
    })
    .prefault({}),
})

export type MmsOptions = z.infer<typeof optionsSchema>
/** One account at an MMSC. */
export type Account = MmsOptions['accounts'][number]
export type InboundOptions = NonNullable<MmsOptions['inbound']>
