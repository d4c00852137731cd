import { z } from 'zod'
import { normalUri } from '../cpm/address.js'
import { groupSessions } from './group-sessions.js'
import { type ConfigProblem, shown } from './problem.js'
import type { ConfigSource } from './source.js'
import { duration, size } from './units.js'

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T
const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:[^\s]+$/i, 'expected an absolute URI')

/** A domain of groups may be unlike any domain of users, so the whole address is written out. */
const groupAddress = z
  .string()
  .regex(/^sips?:[^@\s]+@[^\s@]+$/i, 'expected a SIP URI such as sip:friends@groups.cpm.example (ID-10)')

const mediaType = z.string().regex(/^[\w.+-]+\/([\w.+-]+|\*)$/, 'expected a media type such as text/plain or image/*')

/** What holds for messages to a group, pre-defined or written by the sender. */
const policies = {
  media: describe(
    z.array(mediaType).optional(),
    'Media types its messages may have; default: all. Another one gets 415.',
  ),
  maxMessage: describe(size().default(65_536), 'Largest content of a message to it, octets; a larger one gets 413.'),
  maxMembers: describe(
    z.int().min(1).max(1_000).default(100),
    'Recipients of one message at most, members of groups within it included; a message to more gets 403.',
  ),
  reports: z
    .strictObject({
      policy: describe(
        z.enum(['aggregate', 'single']).default('aggregate'),
        'What members report reaches the sender together, or one by one (IMDN-03).',
      ),
      wait: describe(
        duration().default(30_000),
        'With aggregate: how long reports are gathered from the first one on, unless all members have reported before.',
      ),
      maxBytes: describe(
        size().default(10_000),
        'With aggregate: octets of reports in one MESSAGE; more go in several. A drachtio-server takes no MESSAGE above 12kB, UDP none above 65kB.',
      ),
      failures: describe(
        z.boolean().default(true),
        'The sender hears of members to whom delivery failed, if he asked (IMDN-12).',
      ),
    })
    .prefault({}),
  sessions: groupSessions,
}

const group = z.strictObject({
  address: describe(
    groupAddress,
    'Its address, a SIP URI. Addresses of a domain that only groups have are all taken here: unknown ones get 404.',
  ),
  name: describe(z.string().min(1).max(100).optional(), 'Display name.'),
  members: describe(
    z.array(uri).min(1).max(1_000),
    'CPM users, addresses outside CPM of any scheme, and other groups; two addresses of one user count once.',
  ),
  send: describe(
    z.union([z.enum(['members', 'anyone']), z.array(uri).max(1_000)]).default('members'),
    'Who may send to it: members, anyone, or these addresses.',
  ),
  barred: describe(z.array(uri).max(1_000).default([]), 'Who may not send to it, whatever else is said.'),
  writer: describe(
    z.enum(['name', 'address', 'none']).default('name'),
    'How members outside CPM learn who wrote a text: his name in front of it, his address, or not at all.',
  ),
  mediaBy: describe(
    z.record(uri, z.array(mediaType)).default({}),
    'Media types that single senders may use, by their address, instead of those of media (CPM-CONV-011).',
  ),
  ...policies,
})

/** Groups that messages can be addressed to (`GRP-GAP-01`). */
export const groupsSchema = z.strictObject({
  lists: z
    .strictObject({
      address: describe(
        groupAddress.optional(),
        'Where clients send messages and session invitations with a recipient list of their own (RFC 5365, RFC 5366); default: sip:lists@ and the home domain.',
      ),
      ...policies,
    })
    .prefault({}),
  defined: describe(
    z
      .record(z.string().regex(/^[a-z0-9-]{1,64}$/, 'expected a name of small letters, digits and -'), group)
      .default({}),
    'Pre-defined groups, by a name of yours.',
  ),
})

export type GroupsConfig = z.output<typeof groupsSchema>
export type GroupPolicies = Pick<GroupsConfig['lists'], keyof typeof policies>

interface GroupsContext {
  readonly domain: string
  readonly defaultCountry?: string | undefined
  readonly users: Readonly<Record<string, { readonly aliases: readonly string[] }>>
  readonly groups: GroupsConfig
}

/** What the schema alone cannot show: addresses that clash, members that are none. */
export function checkGroups(config: GroupsContext, source: ConfigSource): readonly ConfigProblem[] {
  const { domain, defaultCountry, users, groups } = config
  const normal = (address: string) => normalUri(address, { domain, ...(defaultCountry && { defaultCountry }) })
  const problems: ConfigProblem[] = []
  const owners = new Map<string | undefined, string>()
  for (const [name, { aliases }] of Object.entries(users)) {
    for (const address of [`sip:${name}@${domain}`, ...aliases]) owners.set(normal(address), `the user ${name}`)
  }
  const claim = (path: string[], address: string, owner: string) => {
    const key = normal(address)
    const other = owners.get(key)
    if (key === undefined || !/^sips?:/.test(key)) {
      problems.push(source.problem(path, 'expected a SIP URI that is no phone number (ID-10)', shown(address)))
    } else if (other !== undefined) {
      problems.push(source.problem(path, `already an address of ${other}`, shown(address)))
    } else owners.set(key, owner)
  }
  const reserve = (path: string[], address: string, owner: string) => {
    // A domain that is none is a fault of its own.
    if (normal(address) !== undefined) claim(path, address, owner)
  }
  reserve(['users', 'deferred'], `sip:deferred@${domain}`, 'deferred messaging')
  if (groups.lists.address !== undefined) claim(['groups', 'lists', 'address'], groups.lists.address, 'recipient lists')
  else reserve(['users', 'lists'], `sip:lists@${domain}`, 'recipient lists')
  for (const [name, { address, members, maxMembers }] of Object.entries(groups.defined)) {
    const path = ['groups', 'defined', name]
    claim([...path, 'address'], address, `the group ${name}`)
    members.forEach((member, index) => {
      if (normal(member) === undefined)
        problems.push(
          source.problem([...path, 'members', index], 'expected an address that can be reached', shown(member)),
        )
    })
    if (members.length > maxMembers)
      problems.push(
        source.problem([...path, 'members'], `expected at most maxMembers (${maxMembers})`, `${members.length}`),
      )
  }
  return problems
}
