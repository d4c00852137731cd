import { z } from 'zod'
import { pem } from '../contract/pem.js'
import { ascii, describe, duration, octet, port, regularExpression, timeZone } from './profile-values.js'

/**
 * The adapter's options: one entry of `binds` is one account at a message centre (SMSC), with all that differs from
 * centre to centre.
 */

const tls = z.strictObject({
  ca: describe(pem().optional(), 'Certificates (PEM, or a file) that are believed; default: those of the system.'),
  cert: describe(pem().optional(), 'Our certificate (PEM, or a file), when the centre asks for one.'),
  key: describe(pem().optional(), 'Key of our certificate (PEM, or a file).'),
  servername: describe(z.string().optional(), 'Name expected in the certificate of the centre; default: host.'),
  verify: describe(
    z.boolean().default(true),
    'Whether the certificate is checked. Without it anybody on the path can read and change messages.',
  ),
})

const timers = z.strictObject({
  connect: describe(duration().default(10_000), 'Time for the TCP (and TLS) connection to come up.'),
  bind: describe(duration().default(10_000), 'Time for the answer to a bind.'),
  enquireAfter: describe(
    duration().default(30_000),
    'Silence of the centre after which it is asked whether it lives (enquire_link). Keep it below its own limit.',
  ),
  enquireAnswer: describe(duration().default(10_000), 'Time for the answer to enquire_link before the link is closed.'),
  request: describe(
    duration().default(60_000),
    'Time for the answer to a message; afterwards its outcome is uncertain. Three in a row close the link.',
  ),
  unbind: describe(duration().default(5_000), 'Time for answers in flight, and then for unbind_resp, when closing.'),
})

const backoff = z.strictObject({
  first: describe(duration().default(1_000), 'Wait before the first new connection; doubles, with 20 % of chance.'),
  max: describe(duration().default(60_000), 'Longest wait between connections.'),
  afterRefusal: describe(
    duration().default(300_000),
    'Wait after refused credentials. Centres lock accounts that hammer.',
  ),
  resetAfter: describe(
    duration().default(30_000),
    'Time a bind must hold before the wait starts again from the first.',
  ),
})

const addressRule = z.strictObject({
  match: describe(regularExpression, 'Regular expression over the address as sent (digits without +, or letters).'),
  ton: describe(octet(), 'Type of number.'),
  npi: describe(octet(), 'Numbering plan.'),
})

const vendorTlv = z.strictObject({
  tag: describe(z.int().min(1).max(0xffff), 'Tag, e.g. 0x1400.'),
  text: describe(ascii(255).optional(), 'Value as text, ended by a NUL.'),
  hex: describe(
    z
      .string()
      .regex(/^([0-9a-fA-F]{2})*$/, 'expected pairs of hexadecimal digits')
      .max(510)
      .optional(),
    'Value as octets.',
  ),
})

const outbind = z.strictObject({
  listen: describe(
    z.string().regex(/^(\[[0-9a-fA-F:]+\]|[^:\s]+):\d{1,5}$/, 'expected host:port'),
    'Address where the centre connects to us.',
  ),
  systemId: describe(ascii(15), 'system_id the centre must say in outbind.'),
  password: describe(ascii(8), 'Password the centre must say in outbind.'),
})

const STATUS = /^(0x[0-9a-fA-F]{1,8}|\d{1,10})$/

const account = z.strictObject({
  name: describe(
    z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,40}$/, 'expected letters, digits, dot, hyphen or underscore')
      .optional(),
    'Name of the account in logs, metrics and stored keys; default systemId. Keep it when other settings change.',
  ),
  host: describe(z.string(), 'Address of the message centre.'),
  port: describe(port().default(2775), 'Port of the message centre.'),
  tls: describe(tls.optional(), 'TLS from the first octet on; absent: plain TCP.'),
  systemId: describe(ascii(15).min(1), 'system_id of the account.'),
  password: describe(ascii(8).default(''), 'Password, 8 characters at most (SMPP 3.4 §5.2.2).'),
  systemType: describe(ascii(12).default(''), 'system_type, where the centre asks for one.'),
  kind: describe(
    z.enum(['transceiver', 'transmitter-receiver', 'transmitter', 'receiver']).default('transceiver'),
    'How to bind; transmitter-receiver opens one link for each direction.',
  ),
  connections: describe(
    z.int().min(0).max(64).default(1),
    'Links (or pairs of them) at the same time; 0 when only the centre connects (outbind).',
  ),
  weight: describe(z.int().min(0).max(1000).default(1), 'Share of the traffic among accounts that can send; 0: spare.'),
  version: describe(z.enum(['3.3', '3.4', '5.0']).default('3.4'), 'interface_version said when binding.'),
  addressRange: describe(ascii(40).default(''), 'address_range said when binding.'),
  addressTon: describe(octet().default(0), 'addr_ton said when binding.'),
  addressNpi: describe(octet().default(0), 'addr_npi said when binding.'),
  serviceType: describe(ascii(5).default(''), 'service_type of messages.'),
  source: describe(z.array(addressRule).default([]), 'TON and NPI of originators, first match wins.'),
  destination: describe(z.array(addressRule).default([]), 'TON and NPI of recipients, first match wins.'),
  shortCodes: describe(
    z.array(z.string().regex(/^\d{3,8}$/, 'expected 3 to 8 digits')).default([]),
    'Short numbers of this network; sent as network specific (TON 3, NPI 0) unless a rule says otherwise.',
  ),
  countryCode: describe(
    z
      .string()
      .regex(/^\d{1,3}$/, 'expected a country calling code')
      .optional(),
    'Country of incoming national numbers (TON 2).',
  ),
  trunkPrefix: describe(
    z
      .string()
      .regex(/^\d{0,3}$/, 'expected digits')
      .default('0'),
    'Beginning of national numbers that is left out after the country code.',
  ),
  unknownTonInternational: describe(
    z.boolean().default(true),
    'Incoming numbers of unknown type (TON 0) with 8 to 15 digits and no leading 0 are international.',
  ),
  window: describe(
    z.int().min(1).max(1000).default(10),
    'Requests sent and not yet answered on each link. The centre tells you its limit; above it, it throttles.',
  ),
  incoming: describe(
    z.int().min(1).max(10_000).default(50),
    'Incoming messages waiting to be stored, on each link, before it is no longer read.',
  ),
  rate: describe(
    z.union([z.literal('unlimited'), z.number().min(0.1).max(100_000)]).default(10),
    'Messages (parts) per second of the account, over all its links, or unlimited. Halved on throttling, raised slowly.',
  ),
  timers: timers.prefault({}),
  backoff: backoff.prefault({}),
  longMessages: describe(
    z.enum(['udh8', 'udh16', 'sar', 'payload', 'refuse']).default('udh8'),
    'How a text too long for one SMS is sent: in parts (header with 8 or 16 bit reference, or SAR parameters), whole, or not.',
  ),
  maxParts: describe(z.int().min(1).max(255).default(10), 'Parts of one message at most; longer ones are refused.'),
  defaultAlphabet: describe(
    z.enum(['gsm7', 'latin1', 'ascii', 'utf8']).default('gsm7'),
    'What data_coding 0 means at this centre.',
  ),
  languages: describe(
    z.array(z.int().min(1).max(13)).default([]),
    'National language tables (3GPP TS 23.038) that may be used in sending. Older phones show rubbish.',
  ),
  transliterate: describe(
    z.boolean().default(false),
    'Typographic quotes, dashes and the like become plain ones where that saves the 16-bit alphabet.',
  ),
  receipts: describe(
    z.enum(['expected', 'none']).default('expected'),
    'none: the network sends no delivery receipts, so none is asked for or promised.',
  ),
  failureReceipts: describe(
    z.boolean().default(false),
    'The centre honours receipts on failure only (registered_delivery 2).',
  ),
  intermediateReceipts: describe(
    z.boolean().default(false),
    'Ask for intermediate notifications too. Centres that do not know them refuse the message.',
  ),
  validity: z
    .strictObject({
      form: describe(
        z.enum(['relative', 'absolute', 'none']).default('relative'),
        'How the end of life is said in validity_period, or not at all.',
      ),
      max: describe(duration().default(259_200_000), 'Longest life said; longer ones are cut to it.'),
    })
    .prefault({}),
  schedule: describe(
    z.enum(['none', 'relative', 'absolute']).default('none'),
    'How the centre is told in schedule_delivery_time when a message is to arrive; none: the gateway keeps it until then.',
  ),
  tlvs: describe(z.array(vendorTlv).max(16).default([]), 'Optional parameters put into every message.'),
  optionalParameters: describe(
    z.enum(['auto', 'always', 'never']).default('auto'),
    'Whether the centre takes optional parameters (TLVs); auto: when it names its version 3.4 or higher in the bind answer.',
  ),
  messageId: describe(
    z.enum(['exact', 'auto', 'respHex-receiptDec', 'respDec-receiptHex']).default('auto'),
    'How the message id of the receipt relates to that of the answer.',
  ),
  receiptState: describe(z.enum(['tlv', 'text']).default('tlv'), 'Which state counts when a receipt says two.'),
  receiptsWithoutFlag: describe(
    z.boolean().default(false),
    'Texts that look like receipts are receipts though not marked so, when they come from the recipient of the message they name.',
  ),
  acceptdIsFinal: describe(z.boolean().default(false), 'ACCEPTD in a receipt means delivered.'),
  manualAckIsDisplayed: describe(
    z.boolean().default(false),
    'A manual acknowledgement of the recipient counts as a read report.',
  ),
  deliveryAck: describe(
    z.boolean().default(false),
    "Acknowledge incoming messages to phones that ask for it, once they have arrived (the SME's delivery acknowledgement).",
  ),
  timeZone: describe(timeZone.default('UTC'), 'Time zone of dates in receipts (IANA name).'),
  statusOverrides: describe(
    z
      .record(z.string().regex(STATUS, 'expected a command_status such as 0x411'), z.enum(['busy', 'refused', 'here']))
      .default({}),
    'Meaning of a command_status where this centre differs: busy (try again), refused, or here (try another service).',
  ),
  udhWithoutFlag: describe(z.boolean().default(false), 'The centre forgets to mark user data headers.'),
  gsm7Packed: describe(
    z.boolean().default(false),
    'Incoming texts in the default alphabet are packed, eight characters in seven octets.',
  ),
  reassemblyTimeout: describe(duration().default(300_000), 'Wait for the missing parts of an incoming message.'),
  incomplete: describe(
    z.enum(['deliver', 'drop']).default('deliver'),
    'What becomes of an incoming message whose parts do not all come in time.',
  ),
  unknownRecipient: describe(
    z.union([z.literal(0x0b), z.literal(0x65)]).default(0x65),
    'Status answered to an incoming message for nobody here.',
  ),
  duplicateWindow: describe(
    duration().default(60_000),
    'Time after a lost link in which the same incoming message is taken as a repetition; 0s: never.',
  ),
  outbind: describe(outbind.optional(), 'Lets the centre open the connection.'),
})

const namedAccount = account
  .refine((entry) => entry.connections > 0 || entry.outbind !== undefined, 'connections is 0 and there is no outbind')
  .transform((entry) => ({ ...entry, name: entry.name ?? entry.systemId }))

export const optionsSchema = z.strictObject({
  binds: describe(
    z
      .array(namedAccount)
      .min(1)
      .refine(
        (entries) => new Set(entries.map((entry) => entry.name)).size === entries.length,
        'two accounts have the same name; set name',
      ),
    'Accounts at message centres.',
  ),
  unsupportedContent: describe(
    z.enum(['refuse', 'text-part', 'link']).default('refuse'),
    'Content that is not text: refuse it, send the text part of a multipart, or send a link: to the file, or to our own store (http.content).',
  ),
  subject: describe(
    z.enum(['first-line', 'drop']).default('first-line'),
    'The subject becomes the first line of the text, or is dropped.',
  ),
})

export type SmsOptions = z.infer<typeof optionsSchema>
/** One account at a message centre. */
export type Account = SmsOptions['binds'][number]
