import { describe, expect, it } from 'vitest'
import { DIFFERENCES } from './differences.js'
import { RECORDINGS, readRecording } from './recording.js'
import { replay } from './replay.js'

describe('the recordings of the real server, replayed', () => {
  it.each(RECORDINGS)('%s', async (name) => {
    const complaints = await replay(readRecording(name), DIFFERENCES[name] ?? [])
    expect(complaints, complaints.join('\n')).toEqual([])
  })

  it('every difference belongs to a recording and to a step of it', () => {
    for (const [name, differences] of Object.entries(DIFFERENCES)) {
      const numbers = new Set(readRecording(name).map(({ seq }) => seq))
      for (const { at } of differences) if (at !== undefined) expect(numbers, name).toContain(at)
    }
  })
})
