import type { Definition } from '../definition.js';
import type { Batch, Reading } from '../reading.js';
import { Recent, WINDOW_MS } from './recent.js';
import { type Page, type PageOptions, startPage } from './server.js';

export interface LivePageOptions
  extends Pick<PageOptions, 'port' | 'env' | 'destination' | 'counters' | 'log'> {
  readonly definition: Definition;
  /** The stored readings from then (ns) on, where the destination has them. */
  readonly history: (from: bigint) => AsyncIterable<readonly Reading[]> | undefined;
}

/** The page of a run: what is recorded from now on and, where it is stored here, what was before. */
export class LivePage {
  readonly #options: LivePageOptions;
  #recent: Recent;
  #page: Page;

  private constructor(options: LivePageOptions, recent: Recent, page: Page) {
    this.#options = options;
    this.#recent = recent;
    this.#page = page;
  }

  static async open(options: LivePageOptions): Promise<LivePage> {
    const recent = await recall(options);
    return new LivePage(options, recent, await startPage({ ...options, recent }));
  }

  get url(): string {
    return this.#page.url;
  }

  add(batch: Pick<Batch, 'readings'>): void {
    this.#recent.add(batch);
  }

  /** Shows the metrics of another definition from now on; browsers come back by themselves. */
  async redefine(definition: Definition): Promise<void> {
    const options = { ...this.#options, definition, port: Number(new URL(this.url).port) };
    await this.#page.close();
    this.#recent = await recall(options);
    this.#page = await startPage({ ...options, recent: this.#recent });
  }

  async close(): Promise<void> {
    await this.#page.close();
  }
}

async function recall({ definition, history }: LivePageOptions): Promise<Recent> {
  const recent = new Recent(definition);
  const from = BigInt(Date.now() - WINDOW_MS) * 1_000_000n;
  for await (const readings of history(from) ?? []) recent.add({ readings });
  return recent;
}
