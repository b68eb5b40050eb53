import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { EVALUATION_MS } from '../../src/alerting/rule.js';
import type { Definition } from '../../src/definition.js';
import { AlertWatch } from '../../src/local/alert-watch.js';
import { openLog } from '../../src/log.js';
import { packReadings } from '../../src/readings-builder.js';
import { Store } from '../../src/store/duckdb.js';
import type { Span } from './faults.js';
import type { Event } from './replay.js';
import type { Engine } from './table.js';
import { START_MS, type Stored } from './timeline.js';

const QUIET = openLog('silent');

/** An embedded store in the folder, whose alerts Visualizer evaluates itself. */
export async function duckdbEngine(folder: string, definition: Definition): Promise<Engine> {
  const file = join(mkdtempSync(join(folder, 'store-')), 'store.duckdb');
  const store = await Store.open(file, await QUIET);
  await store.prepare(definition);
  return new DuckDBEngine(store, definition);
}

class DuckDBEngine implements Engine {
  readonly events: Event[] = [];
  readonly #store: Store;
  readonly #definition: Definition;
  readonly #watch: AlertWatch;

  constructor(store: Store, definition: Definition) {
    this.#store = store;
    this.#definition = definition;
    this.#watch = new AlertWatch(definition, 'dev');
  }

  /** As one batch: a commit a second would take the time of the whole test. */
  async store(batches: readonly Stored[]): Promise<void> {
    const writer = await this.#store.writer(this.#definition, 'dev');
    const readings = packReadings(
      this.#definition.metrics,
      batches.flatMap((batch) => batch.readings),
    );
    const points = batches.flatMap((batch) => batch.points);
    await writer.write({ readings, points, refused: 0, lost: 0 });
    writer.close();
  }

  async over([from, to]: Span, { failing = false } = {}): Promise<void> {
    const rows = (sql: string) =>
      failing ? Promise.reject(new Error('the store is away')) : this.#store.query(sql);
    for (let at = START_MS + from * 1_000; at < START_MS + to * 1_000; at += EVALUATION_MS) {
      const { transitions, failure } = await this.#watch.evaluate(rows, at);
      if (failure !== undefined && !failing) throw failure.error;
      const second = (at - START_MS) / 1_000;
      this.events.push(...transitions.map((each) => ({ ...each, alert: each.alert.id, second })));
    }
  }

  async close(): Promise<void> {
    this.#store.close();
  }
}
