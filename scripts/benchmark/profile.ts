import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string(), lineNumber: z.number() }),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
})

interface Spent {
  readonly name: string
  readonly ms: number
}

/** Lines that say where a process spent its time: by function (self time) and by file, of every thread's V8 profile. */
export function summarise(folder: string, top = 30): readonly string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.cpuprofile'))
    .flatMap((name) => [`\n${name}`, ...thread(join(folder, name), top)])
}

function thread(file: string, top: number): readonly string[] {
  const profile = profileSchema.parse(JSON.parse(readFileSync(file, 'utf8')))
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const spent = profile.samples.map((id, index) => ({
    frame: frames.get(id),
    ms: (profile.timeDeltas[index] ?? 0) / 1000,
  }))
  const busy = spent.filter(({ frame }) => frame !== undefined && frame.functionName !== '(idle)')
  const total = busy.reduce((sum, { ms }) => sum + ms, 0)
  const place = (url: string): string => url.replace(/^.*\/(node_modules|dist)\//, '') || 'native'
  const line = ({ name, ms }: Spent): string => `  ${((100 * ms) / total).toFixed(1).padStart(5)} %  ${name}`
  const byFunction = sums(
    busy,
    (frame) => `${frame.functionName || '(anonymous)'} ${place(frame.url)}:${frame.lineNumber + 1}`,
  )
  const byFile = sums(busy, (frame) => place(frame.url))
  return [
    `  busy ${(total / 1000).toFixed(1)} s`,
    '  by function:',
    ...byFunction.slice(0, top).map(line),
    '  by file:',
    ...byFile.slice(0, top).map(line),
  ]
}

type Frame = z.output<typeof profileSchema>['nodes'][number]['callFrame']

function sums(
  spent: readonly { readonly frame: Frame | undefined; readonly ms: number }[],
  nameOf: (frame: Frame) => string,
): readonly Spent[] {
  const sum = new Map<string, number>()
  for (const { frame, ms } of spent) {
    if (frame !== undefined) sum.set(nameOf(frame), (sum.get(nameOf(frame)) ?? 0) + ms)
  }
  return [...sum].map(([name, ms]) => ({ name, ms })).sort((a, b) => b.ms - a.ms)
}
