import type { NaptrRecord, Resolver, SrvRecord } from '../../../gateway/sip-server/transport/resolver.js'

export interface Zone {
  readonly naptr?: Readonly<Record<string, readonly NaptrRecord[]>>
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>
  readonly addresses?: Readonly<Record<string, readonly string[]>>
}

/** A resolver that knows what it is told here, and what it was asked. */
export function zoneResolver({ naptr = {}, srv = {}, addresses = {} }: Zone): Resolver & { readonly asked: string[] } {
  const asked: string[] = []
  const from = <T>(kind: string, records: Readonly<Record<string, readonly T[]>>) => {
    return async (name: string): Promise<readonly T[]> => {
      asked.push(`${kind} ${name}`)
      const found = records[name]
      if (!found) throw new Error(`${name} not found`)
      return found
    }
  }
  return { asked, naptr: from('NAPTR', naptr), srv: from('SRV', srv), addresses: from('A', addresses) }
}

export const srv = (name: string, port: number, priority: number = 0, weight: number = 0): SrvRecord => ({
  name,
  port,
  priority,
  weight,
})

export const naptr = (service: string, replacement: string, order: number = 0, preference: number = 0) => ({
  flags: 's',
  service,
  replacement,
  order,
  preference,
})
