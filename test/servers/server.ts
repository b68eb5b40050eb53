import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { until } from '../until.js';

/** A real server in a child process of the test, on a free loopback port, with a temporary folder. */
export interface Server {
  readonly port: number;
  readonly directory: string;
  /** Starts it again after {@link kill}, on the same port and folder. */
  start(): Promise<void>;
  /** Ends it at once and keeps its folder. */
  kill(): Promise<void>;
  /** Freezes it, and lets it go on: SIGSTOP, SIGCONT. */
  signal(signal: NodeJS.Signals): void;
  /** Ends it and removes its folder. */
  stop(): Promise<void>;
}

export interface ServerRecipe {
  readonly program: string;
  /** The arguments for a port and a folder; may write files into the folder first. */
  arguments(port: number, directory: string): Promise<string[]>;
  /** A path that answers below 500 once the server is ready. */
  readonly readyPath: string;
}

/** Starts a server and waits until it answers. */
export async function startServer(recipe: ServerRecipe): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), `visualizer-${recipe.program}-`));
  const port = await freePort();
  const args = await recipe.arguments(port, directory);
  let child: ReturnType<typeof spawn> | undefined;
  const spawn = () =>
    execa(recipe.program, args, { cwd: directory, reject: false, stdin: 'ignore', all: true });

  const server: Server = {
    port,
    directory,
    async start() {
      child = spawn();
      await until(`${recipe.program} answers`, async () => {
        if (child?.exitCode !== null)
          throw new Error(`${recipe.program} ended: ${(await child)?.all?.slice(-2000)}`);
        const response = await fetch(`http://127.0.0.1:${port}${recipe.readyPath}`).catch(() => undefined);
        return response !== undefined && response.status < 500;
      });
    },
    async kill() {
      child?.kill('SIGCONT');
      child?.kill('SIGKILL');
      await child;
    },
    signal(signal) {
      child?.kill(signal);
    },
    async stop() {
      await server.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** A loopback port that nothing listens on. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
