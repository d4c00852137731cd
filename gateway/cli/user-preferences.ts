import { parse as parseYaml } from 'yaml'
import { loadConfig } from '../config/load.js'
import type { Config } from '../config/schema.js'
import { askGateway } from './admin-client.js'
import type { AddCommand } from './program.js'
import { CommandError, EXIT, printable, type Terminal, wrongUsage } from './terminal.js'

interface PreferencesView {
  readonly user: string
  readonly stated: Readonly<Record<string, unknown>>
  readonly holds: Readonly<Record<string, unknown>>
}

interface WithConfig {
  readonly config?: string
}

/** `causeway user …`: the preferences of users at the running gateway (`GAP-04`). */
export const userCommand: AddCommand = (program, terminal, done) => {
  const user = program.command('user').description('Preferences of users, as the running gateway keeps them.')
  const http = async ({ config }: WithConfig): Promise<Config['http']> =>
    (await loadConfig(config, terminal.env)).config.http
  const add = (name: string, description: string) =>
    user.command(name).description(description).option('-c, --config <file>', 'configuration of the running gateway')

  add('list', 'List the users of the configuration.').action(async (options: WithConfig) => {
    const answer = (await askGateway(await http(options), 'users')) as { readonly users: readonly string[] }
    for (const address of answer.users) terminal.out(printable(address))
    done(EXIT.ok)
  })
  add('show <address>', 'Show what a user states, and what holds for him.').action(
    async (address: string, options: WithConfig) => {
      show(await read(await http(options), address), terminal)
      done(EXIT.ok)
    },
  )
  add(
    'set <address> <key=value...>',
    'State preferences of a user; the value is YAML, empty takes the key back:\n' +
      "unavailable=store  'services=[{service: sms, address: tel:+12065550100}]'  waiting=",
  ).action(async (address: string, settings: readonly string[], options: WithConfig) => {
    const gateway = await http(options)
    const { stated } = await read(gateway, address)
    await askGateway(gateway, pathOf(address), { method: 'PUT', body: withSettings(stated, settings) })
    show(await read(gateway, address), terminal)
    done(EXIT.ok)
  })
  add('reset <address>', 'Forget what a user states: configuration and defaults hold again.').action(
    async (address: string, options: WithConfig) => {
      const gateway = await http(options)
      await read(gateway, address)
      await askGateway(gateway, pathOf(address), { method: 'DELETE' })
      show(await read(gateway, address), terminal)
      done(EXIT.ok)
    },
  )
}

async function read(http: Config['http'], address: string): Promise<PreferencesView> {
  const answer = (await askGateway(http, pathOf(address))) as PreferencesView | undefined
  if (!answer) throw new CommandError(`the gateway knows no user ${printable(address)}`)
  return answer
}

function withSettings(stated: PreferencesView['stated'], settings: readonly string[]): Record<string, unknown> {
  const next = new Map(Object.entries(stated))
  for (const setting of settings) {
    const [, key, value] = /^([a-z]+)=(.*)$/s.exec(setting) ?? []
    if (key === undefined || value === undefined) throw wrongUsage(`expected key=value, found ${setting}`)
    if (value === '') next.delete(key)
    else next.set(key, yamlValue(setting, value))
  }
  return Object.fromEntries(next)
}

function yamlValue(setting: string, value: string): unknown {
  try {
    return parseYaml(value)
  } catch (error) {
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split('\n')
    throw wrongUsage(`expected YAML after =, found ${setting} (${why.replace(/ at line.*/, '')})`)
  }
}

function show({ user, stated, holds }: PreferencesView, terminal: Terminal): void {
  terminal.out(printable(user))
  for (const [key, value] of Object.entries(holds)) {
    const whose = key in stated ? 'stated' : 'default'
    terminal.out(
      `  ${key.padEnd(12)} ${printable(typeof value === 'string' ? value : JSON.stringify(value))}  (${whose})`,
    )
  }
  for (const [key, value] of Object.entries(stated).filter(([name]) => !(name in holds))) {
    terminal.out(`  ${key.padEnd(12)} ${printable(JSON.stringify(value))}  (stated)`)
  }
}

const pathOf = (address: string): string => `users/${encodeURIComponent(address)}/preferences`
