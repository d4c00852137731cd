import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { normalUri } from '../cpm/address.js'
import { checkGroups } from './groups.js'
import { nearest } from './nearest.js'
import { groupsOf, patternProblem } from './pattern.js'
import { type ConfigProblem, shown } from './problem.js'
import type { Config } from './schema.js'
import type { ConfigSource } from './source.js'

type Check = (config: Config, source: ConfigSource) => readonly ConfigProblem[]

/** Every request is answered within 28 s, before its sender gives up (RFC 3261 §17.1.2.2); storing takes time, too. */
const LONGEST_ANSWER_MS = 25_000

/** What single keys cannot show: references, collisions, values that exclude each other. */
export const checkConfig: Check = (config, source) =>
  [
    domain,
    listeners,
    mediaPorts,
    certificates,
    externalCore,
    userAddresses,
    checkGroups,
    services,
    patterns,
    pools,
    times,
  ].flatMap((check) => check(config, source))

/** What works, but is seldom meant. */
export const advise: Check = (config, source) => {
  const advice: ConfigProblem[] = []
  const embeddedCore = config.sip.core === 'embedded'
  if (embeddedCore && Object.keys(config.users).length === 0)
    advice.push(source.problem(['users'], 'no users: nobody can register with the embedded core'))
  if (!embeddedCore && Object.keys(config.users).length > 0)
    advice.push(source.problem(['users'], 'not used: sip.core names an external core, which knows its own users'))
  if (!embeddedCore && config.sip.thirdParty.length > 0)
    advice.push(
      source.problem(['sip', 'thirdParty'], 'not used: an external core tells its application servers itself'),
    )
  const used = new Set(Object.values(config.interworking.services).map(({ adapter }) => adapter))
  for (const name of Object.keys(config.adapters))
    if (!used.has(name))
      advice.push(source.problem(['adapters', name], 'no service under interworking.services uses it'))
  if (config.http.tokens.length === 0 && !isLoopback(hostOf(config.http.listen)))
    advice.push(
      source.problem(
        ['http', 'listen'],
        'reachable from outside, but without http.tokens administration answers loopback only',
      ),
    )
  if (typeof config.redis === 'object' && 'embedded' in config.redis && config.redis.embedded.appendfsync !== 'always')
    advice.push(
      source.problem(['redis', 'embedded', 'appendfsync'], 'accepted messages can be lost when the machine dies'),
    )
  return advice
}

const domain: Check = ({ domain }, source) =>
  isIP(domain) === 0 &&
  /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/.test(domain)
    ? []
    : [source.problem(['domain'], 'expected a domain name in lower case, e.g. cpm.example', shown(domain))]

const listeners: Check = ({ sip, http, media }, source) => {
  const problems: ConfigProblem[] = []
  const taken: { transport: string; address: string; key: string }[] = []
  const claim = (path: (string | number)[], transport: string, address: string, written: string) => {
    if (portOf(address) > 65_535)
      problems.push(source.problem(path, 'expected a port of at most 65535', shown(written)))
    const other = taken.find((it) => it.transport === transport && collide(it.address, address))
    if (other) problems.push(source.problem(path, `already taken by ${other.key}`, shown(written)))
    taken.push({ transport, address, key: path.join('.') })
  }
  if (sip.server === 'embedded')
    sip.listen.forEach((written, index) => {
      const [transport = ''] = written.split(':', 1)
      claim(['sip', 'listen', index], transport === 'udp' ? 'udp' : 'tcp', written.slice(transport.length + 1), written)
    })
  claim(['http', 'listen'], 'tcp', http.listen, http.listen)
  media.listen.forEach((written, index) => {
    claim(['media', 'listen', index], 'tcp', written.slice('tcp:'.length), written)
  })
  return problems
}

const mediaPorts: Check = ({ media: { listen, advertise, tls } }, source) =>
  listen.flatMap((written, index) => {
    const problem = (expected: string) => [source.problem(['media', 'listen', index], expected, shown(written))]
    if (written.startsWith('tls:') && !tls) return problem('expected a certificate and its key in media.tls')
    const isAny = /^\w+:(?:0\.0\.0\.0|\[::\]):/.test(written)
    return isAny && advertise === undefined
      ? problem('expected the address that peers are told in media.advertise')
      : []
  })

const certificates: Check = ({ sip }, source) => {
  if (sip.server !== 'embedded') return []
  if (sip.tls) return certificateProblem(sip.tls, source)
  return sip.listen.flatMap((written, index) =>
    /^(tls|wss):/.test(written)
      ? [source.problem(['sip', 'listen', index], 'expected a certificate and its key in sip.tls', shown(written))]
      : [],
  )
}

function certificateProblem(
  { cert, key }: NonNullable<Config['sip']['tls']>,
  source: ConfigSource,
): readonly ConfigProblem[] {
  let step: 'cert' | 'key' = 'cert'
  try {
    const certificate = new X509Certificate(cert)
    step = 'key'
    if (certificate.checkPrivateKey(createPrivateKey(key))) return []
    return [source.problem(['sip', 'tls', 'key'], 'expected the key of the certificate, found another one')]
  } catch {
    return [source.problem(['sip', 'tls', step], 'expected PEM text; use ${file:…} to read a file')]
  }
}

/** Two listening addresses that cannot both be had; port 0 is always free, a wildcard takes every address of its family. */
function collide(one: string, other: string): boolean {
  if (portOf(one) !== portOf(other) || portOf(one) === 0) return false
  const hosts = [hostOf(one), hostOf(other)]
  const sameFamily = hosts[0]?.startsWith('[') === hosts[1]?.startsWith('[')
  return hosts[0] === hosts[1] || (sameFamily && hosts.some((host) => host === '0.0.0.0' || host === '[::]'))
}

const portOf = (address: string) => Number(address.slice(address.lastIndexOf(':') + 1))
const hostOf = (address: string) => address.slice(0, address.lastIndexOf(':'))
export const isLoopback = (host: string): boolean => /^(127\.|localhost$|\[?::1\]?$|::ffff:127\.)/.test(host)

const externalCore: Check = ({ sip }, source) => {
  const networks = sip.trust.flatMap((network, index) => {
    const [address = '', bits] = network.split('/')
    const longest = isIP(address) === 6 ? 128 : 32
    return isIP(address) !== 0 && Number(bits ?? 0) <= longest
      ? []
      : [source.problem(['sip', 'trust', index], 'expected an address or a network such as 10.0.0.0/8', shown(network))]
  })
  const servers = sip.thirdParty.flatMap((server, index) =>
    /^sips?:/i.test(server) ? [] : [source.problem(['sip', 'thirdParty', index], 'expected a SIP URI', shown(server))],
  )
  if (sip.core === 'embedded') return [...networks, ...servers]
  const core = /^sips?:/.test(sip.core)
    ? []
    : [source.problem(['sip', 'core'], 'expected embedded or a SIP URI', shown(sip.core))]
  const trust =
    sip.trust.length > 0
      ? []
      : [
          source.problem(
            ['sip', 'trust'],
            'expected the addresses of the external core: nobody else vouches for who speaks',
          ),
        ]
  return [...networks, ...core, ...trust]
}

/** Every address names one user. */
const userAddresses: Check = (config, source) => {
  const problems: ConfigProblem[] = []
  const comparable = spelling(config)
  const owners = new Map(Object.keys(config.users).map((name) => [comparable(`sip:${name}@${config.domain}`), name]))
  for (const [name, user] of Object.entries(config.users)) {
    if (!/^[A-Za-z0-9_.!~*'()&=+$,;?/-]{1,64}$/.test(name))
      problems.push(source.problem(['users', name], 'expected the user part of a SIP address (RFC 3261 §25.1)'))
    user.aliases.forEach((alias, index) => {
      const path = ['users', name, 'aliases', index]
      const owner = owners.get(comparable(alias))
      if (owner !== undefined) problems.push(source.problem(path, `already an address of ${owner}`, shown(alias)))
      else owners.set(comparable(alias), name)
      if (/^tel:/i.test(alias) && !/^tel:\+?[0-9().-]+(;.*)?$/i.test(alias))
        problems.push(source.problem(path, 'expected a number such as tel:+12065550100', shown(alias)))
    })
  }
  return problems
}

const services: Check = ({ interworking, adapters }, source) =>
  Object.entries(interworking.services).flatMap(([name, { adapter }]) => {
    if (adapter in adapters) return []
    const known = Object.keys(adapters)
    const meant = nearest(adapter, known)
    const hint = meant ? `; did you mean ${meant}?` : known.length > 0 ? ` (${known.join(', ')})` : ', there is none'
    const path = ['interworking', 'services', name, 'adapter']
    return [source.problem(path, `expected a name under adapters${hint}`, shown(adapter))]
  })

const patterns: Check = ({ interworking }, source) =>
  Object.entries(interworking.services).flatMap(([name, { addresses }]) =>
    (['rules', 'inbound'] as const).flatMap((list) =>
      addresses[list].flatMap(({ match, replace }, index) => {
        const path = ['interworking', 'services', name, 'addresses', list, index]
        const wrong = patternProblem(match)
        if (wrong !== undefined) return [source.problem([...path, 'match'], wrong, shown(match))]
        const highest = Math.max(0, ...[...replace.matchAll(/\$(\d{1,2})/g)].map(([, group]) => Number(group)))
        const groups = groupsOf(match) - 1
        if (highest <= groups) return []
        return [
          source.problem([...path, 'replace'], `expected no group above $${groups}, match has no more`, shown(replace)),
        ]
      }),
    ),
  )

/** A pool number that is also somebody's own would send his answers to another. */
const pools: Check = (config, source) => {
  const comparable = spelling(config)
  const owners = new Map(
    Object.entries(config.users).flatMap(([name, { aliases }]) =>
      aliases.map((alias) => [comparable(alias), name] as const),
    ),
  )
  return Object.entries(config.interworking.services).flatMap(([name, { addresses }]) => {
    const path = ['interworking', 'services', name, 'addresses', 'pool', 'numbers']
    const seen = new Set<string>()
    return (addresses.pool?.numbers ?? []).flatMap((number, index) => {
      const key = comparable(number)
      const owner = owners.get(key)
      const twice = seen.has(key)
      seen.add(key)
      if (owner !== undefined)
        return [source.problem([...path, index], `already an address of ${owner}`, shown(number))]
      return twice ? [source.problem([...path, index], 'already in the pool', shown(number))] : []
    })
  })
}

const times: Check = ({ sip, interworking: { policies } }, source) => {
  const problems: ConfigProblem[] = []
  if (policies.answerWithin > LONGEST_ANSWER_MS)
    problems.push(
      source.problem(
        ['interworking', 'policies', 'answerWithin'],
        'expected at most 25s: soon after that the sender no longer waits (RFC 3261 §17.1.2.2)',
        `${policies.answerWithin / 1000}s`,
      ),
    )
  if (policies.retry.first > policies.retry.max)
    problems.push(
      source.problem(
        ['interworking', 'policies', 'retry', 'first'],
        'expected at most retry.max',
        `${policies.retry.first / 1000}s`,
      ),
    )
  const { minExpires, maxExpires } = sip.registration
  if (minExpires > maxExpires)
    problems.push(
      source.problem(['sip', 'registration', 'minExpires'], 'expected at most maxExpires', `${minExpires / 1000}s`),
    )
  return problems
}

/** Addresses that mean the same are the same text: the normal form, in which they are compared when messages come. */
const spelling =
  ({ domain, defaultCountry }: Config) =>
  (uri: string): string =>
    (normalUri(uri, { domain, ...(defaultCountry !== undefined && { defaultCountry }) }) ?? uri).toLowerCase()
