import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // What is waited for comes soon, but on a busy machine not within the one second that is standard.
    expect: { poll: { timeout: 15_000, interval: 20 } },
    pool: 'forks',
    maxWorkers: 2,
  },
})
