import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Most tests wait for processes and timers: with the usual one less than there are cores they take twice as long.
    maxWorkers: 2,
  },
});
