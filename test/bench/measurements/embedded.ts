import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { linesFile } from '../lines.js';
import { checkConserved, type Measurement } from '../measurement.js';
import { cat, visualizerRun } from '../visualizer.js';

export const embedded: Measurement = {
  name: 'embedded',
  about: 'into the embedded store, up to the end of the process',
  async take(workbench, samples, { lines }) {
    const file = await linesFile(workbench, lines);
    await workbench.lend(async (state) => {
      const run = visualizerRun(cat(file), { state, to: [] });
      const { seconds, peakBytes } = await workbench.using(run, () => run.ended());
      checkConserved('a run to the embedded store', await rowsIn(state), lines);
      samples.add('embedded.rate', lines / seconds);
      samples.add('embedded.peak', peakBytes);
    });
  },
};

async function rowsIn(state: string): Promise<number> {
  return withStore(state, async (query) => Number((await query('SELECT count(*) FROM readings'))[0]?.[0]));
}

type Query = (sql: string) => Promise<unknown[][]>;

/** Asks the store behind Visualizer's back. */
export async function withStore<T>(state: string, work: (query: Query) => Promise<T>): Promise<T> {
  const instance = await DuckDBInstance.create(join(state, 'store.duckdb'));
  const connection = await instance.connect();
  try {
    return await work(async (sql) => (await connection.runAndReadAll(sql)).getRows());
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
