import { z } from 'zod'
import { duration } from './units.js'

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T
const uri = z.string().regex(/^[a-z][a-z0-9+.-]*:[^\s]+$/i, 'expected an absolute URI')
const kind = z.string().regex(/^[a-z]{1,32}$/, 'expected a kind of stream such as message, audio or video')

/** Who may do something in a session. `originator`: who has begun it. */
const right = z.union([z.enum(['members', 'originator', 'nobody']), z.array(uri).max(1_000)])

/** What holds for sessions of a group, pre-defined or listed by whoever begins one (`GRP-GAP-01`). */
export const groupSessions = z
  .strictObject({
    kinds: describe(
      z.array(kind).optional(),
      'Kinds of streams its sessions may have, e.g. message; others are refused, and an invitation with no other gets 488 (MED-09). Default: all that there are.',
    ),
    join: describe(
      z.enum(['members', 'anyone']).default('members'),
      'Who may begin and join its sessions; users who were invited to one count as members. Those in barred may not.',
    ),
    invite: describe(
      right.default('members'),
      'Who may add others to a session: members, originator, nobody, or these addresses (GRP-ADD-04).',
    ),
    remove: describe(right.default('originator'), 'Who may remove others from a session (GRP-RM-04).'),
    addStreams: describe(
      right.default('members'),
      'Who may add a stream that nobody in the session uses, for all (MED-28).',
    ),
    removeStreams: describe(
      right.default('originator'),
      'Whose leaving a stream removes it for all (MED-29); that of others removes it for themselves.',
    ),
    watch: describe(
      z.enum(['participants', 'anyone']).default('participants'),
      'Who may subscribe to participant information (PART-09); the core may always.',
    ),
    observers: describe(
      z.array(uri).max(1_000).default([]),
      'Who may subscribe to it without taking part, such as applications (PART-13): addresses, or sip:*@domain.',
    ),
    maxParticipants: describe(
      z.int().min(2).max(1_000).default(100),
      'Users in a session at once, those being invited included.',
    ),
    minParticipants: describe(
      z.int().min(1).max(1_000).default(2),
      'A session that falls below ends for those who are left.',
    ),
    endWithOriginator: describe(
      z.boolean().default(false),
      'The session ends for all when who began it leaves (GRP-LEAVE-05).',
    ),
    anonymous: describe(
      z.boolean().default(true),
      'Users may take part without showing who they are (Privacy: id); otherwise they get 433.',
    ),
    privateMessages: describe(z.boolean().default(true), 'Messages to one participant are passed on (RFC 7701).'),
    nicknames: describe(z.boolean().default(true), 'Participants may take nicknames (RFC 7701).'),
    keep: describe(
      duration().default(86_400_000),
      'How long a session that was cut off, by the end of this node, can be joined again by its identity.',
    ),
  })
  .prefault({})

export type GroupSessionPolicies = z.output<typeof groupSessions>
