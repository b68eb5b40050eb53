import type { Definition } from '../definition.js';
import { VisualizerError } from '../errors.js';
import type { Batch } from '../reading.js';
import type { StoreRows } from '../store/reader.js';
import type { Actions } from './actions.js';
import type { AlertChange, Recording } from './api.js';
import { loadAssets } from './assets.js';
import type { Data } from './data.js';
import { type EventLog, EventStream } from './events.js';
import { Gate } from './gate.js';
import { takeAlerts } from './hook.js';
import { isLoopback } from './host-names.js';
import { loginRoutes } from './login.js';
import { Recent } from './recent.js';
import { WINDOW_MS } from './ring.js';
import { apiRoutes, assetRoutes, healthRoutes, type Route } from './routes.js';
import { type PageServer, startServer } from './server.js';
import { type AlertSource, Shown } from './shown.js';
import { StoreData } from './store-data.js';

export interface LivePageOptions {
  /** The address to listen on: loopback, unless there is a `pageToken`. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Further host names by which the page is reached, such as that of a proxy. */
  readonly names?: readonly string[] | undefined;
  readonly pageToken?: string | undefined;
  readonly hookToken?: string | undefined;
  readonly definition: Definition;
  readonly env: string;
  /** Where readings are, in words: `embedded store` or `InfluxDB at host:port`. */
  readonly destination: string;
  /** Asks the embedded store; without it the page knows the last ten minutes of what it is given. */
  readonly rows?: StoreRows | undefined;
  /** How long the store keeps readings, ms; 0 is for ever. */
  readonly retentionMs: number;
  /** Absent where nothing is being recorded. */
  readonly recording?: (() => Recording) | undefined;
  /** Absent where others evaluate the alerts. */
  readonly alerts?: AlertSource | undefined;
  /** What the hook sets off; absent where nothing runs that could be acted upon. */
  readonly actions?: Actions | undefined;
  readonly log: EventLog;
  /** Folder of the built page. */
  readonly assets: string;
  /** How often a listener is told what changed besides readings. */
  readonly tickMs?: number | undefined;
  /** How long a listener may leave something unread before it is dropped. */
  readonly patienceMs?: number | undefined;
}

const MOST_LISTENERS = 50;
/** The longest retention there is. */
const EVER_MS = 36_500 * 86_400_000;

/** The page of a run, or of a store; the server stays the same while definitions come and go. */
export class LivePage {
  readonly #options: LivePageOptions;
  #shown: Shown;
  #stream: EventStream;
  #server: PageServer | undefined;

  private constructor(options: LivePageOptions, shown: Shown) {
    const { log, tickMs = 1_000, patienceMs = 10_000 } = options;
    this.#options = options;
    this.#shown = shown;
    const status = () => this.#shown.status();
    this.#stream = new EventStream({ status, log, tickMs, patienceMs, mostClients: MOST_LISTENERS });
  }

  /** @throws VisualizerError BAD_SETTING where it cannot be served there */
  static async open(options: LivePageOptions): Promise<LivePage> {
    refuseOpenDoor(options);
    const page = new LivePage(options, await show(options, options.definition));
    await page.#serve();
    return page;
  }

  get url(): string {
    return this.#server?.url ?? '';
  }

  /** Shows what was handed to the destination just now. */
  add(batch: Pick<Batch, 'readings' | 'points'>): void {
    const isStored = this.#options.recording?.().state !== 'failing';
    this.#shown.subject.data.add(batch, isStored);
    this.#stream.refresh();
  }

  alert(changes: readonly AlertChange[]): void {
    this.#stream.tell(changes);
  }

  /** Shows the metrics and alerts of another definition from now on; browsers take notice by themselves. */
  async redefine(definition: Definition): Promise<void> {
    this.#shown = await show(this.#options, definition);
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }

  async #serve(): Promise<void> {
    const { host, port, names = [], pageToken, hookToken, log } = this.#options;
    const assets = loadAssets(this.#options.assets);
    const gate = await Gate.open({ host, names, pageToken, hookToken, log });
    const shown = () => this.#shown;
    const routes: Route[] = [
      ...assetRoutes(assets),
      ...apiRoutes(shown),
      ...healthRoutes(shown),
      ...loginRoutes(gate),
      { method: 'GET', path: '/events', access: 'page', answer: () => 'stream' },
      {
        method: 'POST',
        path: '/hooks/alerts',
        access: 'hook',
        answer: (request) => takeAlerts(request, this.#hookOptions()),
      },
    ];
    this.#server = await startServer({ host, port, gate, routes, stream: this.#stream, log });
  }

  #hookOptions() {
    const { env, actions } = this.#options;
    return { sensor: this.#shown.subject.definition.name, env, actions };
  }
}

/** @throws VisualizerError BAD_SETTING where others could see the page without a token */
export function refuseOpenDoor({ host, pageToken }: Pick<LivePageOptions, 'host' | 'pageToken'>): void {
  if (isLoopback(host) || pageToken !== undefined) return;
  throw new VisualizerError(
    'BAD_SETTING',
    `--page-host ${host} serves the page beyond this machine: set PAGE_TOKEN (or PAGE_TOKEN_FILE) to a long random text that whoever looks at it has to know.`,
  );
}

async function show(options: LivePageOptions, definition: Definition): Promise<Shown> {
  const { rows, retentionMs, env, destination, recording, alerts, pageToken, log } = options;
  const data: Data =
    rows === undefined ? new Recent(definition) : await StoreData.open(rows, definition, env, log);
  const reachMs = rows === undefined ? WINDOW_MS : retentionMs || EVER_MS;
  const login = pageToken !== undefined;
  return new Shown({ definition, env, destination, reachMs, data, recording, alerts, login });
}
