import { spawnSync } from 'node:child_process'

/** Runs once before all tests: says at once what is missing, instead of failing test by test. */
export default function setup(): void {
  const found = spawnSync('redis-server', ['--version'])
  if (found.status !== 0) throw new Error('redis-server is missing: scripts/test installs it')
}
