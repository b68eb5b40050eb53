import type { Writable } from 'node:stream';
import type { Definition, Receiver } from '../definition.js';
import { readDefinition } from '../definition-file.js';
import { type ErrorCode, VisualizerError } from '../errors.js';
import type { Log } from '../log.js';
import { type Channel, type ChannelOptions, openChannel } from '../notify/channel.js';
import type { Message } from '../notify/message.js';
import { NotSetUp } from '../notify/secrets.js';
import { definitionFileOf } from '../resolve-settings.js';
import type { Settings } from '../settings.js';

export interface NotifyContext extends Pick<ChannelOptions, 'endpoints' | 'timeoutMs'> {
  readonly settings: Pick<Settings, 'sensor'> & { readonly env?: string | undefined };
  readonly environment: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly output: Writable;
}

/** How a failed test ends the process; the first of several in this order. */
const FAILURES = ['BAD_SETTING', 'SERVER_REFUSED', 'SERVER_UNREACHABLE'] as const satisfies ErrorCode[];

type Outcome =
  | { readonly ok: true; readonly note: string | undefined }
  | { readonly ok: false; readonly failure: (typeof FAILURES)[number]; readonly reason: string };

/**
 * Sends a test message to every receiver of the definition, and prints what became of each.
 * @throws VisualizerError BAD_SETTING, SERVER_REFUSED or SERVER_UNREACHABLE where one did not take it, BAD_DEFINITION
 * where there is none
 */
export async function testNotifications(context: NotifyContext): Promise<void> {
  const { settings, output, log } = context;
  const file = definitionFileOf(settings);
  const definition = readDefinition(file);
  const { notify } = definition;
  if (notify.length === 0) {
    const advice = 'Add `notify:`, such as `notify: [{ type: slack }]`; docs/notifications.md tells more.';
    throw new VisualizerError('BAD_DEFINITION', `${file} names no receivers. ${advice}`);
  }
  const outcomes = await Promise.all(
    notify.map(async (receiver) => {
      const outcome = await test(receiver, definition, context);
      output.write(`${lineOf(receiver, outcome)}\n`);
      log.debug({ receiver: receiver.name, ...outcome }, 'Tested');
      return outcome;
    }),
  );
  const failed = outcomes.filter((outcome) => !outcome.ok);
  const code = FAILURES.find((failure) => failed.some((outcome) => outcome.failure === failure));
  if (code === undefined) return;
  throw new VisualizerError(
    code,
    `${failed.length} of ${notify.length} receivers did not take the test message.`,
  );
}

async function test(receiver: Receiver, definition: Definition, context: NotifyContext): Promise<Outcome> {
  let channel: Channel;
  try {
    channel = openChannel(receiver, context);
  } catch (error) {
    if (!(error instanceof NotSetUp)) throw error;
    return { ok: false, failure: 'BAD_SETTING', reason: error.message };
  }
  const { env = 'test' } = context.settings;
  const at = Date.now();
  let note: string | undefined;
  for (const endsAt of endings(receiver, at)) {
    const never = new AbortController().signal;
    const verdict = await channel.send(testMessage(receiver, definition, env, at, endsAt), never);
    if (verdict.kind === 'retry') return { ok: false, failure: 'SERVER_UNREACHABLE', reason: verdict.reason };
    if (verdict.kind === 'refused') {
      return { ok: false, failure: 'SERVER_REFUSED', reason: `${verdict.reason}; ${verdict.mend}` };
    }
    note = verdict.note;
  }
  return { ok: true, note };
}

/** Whoever keeps incidents is told at once that this one is over; an Alertmanager forgets it by itself. */
function endings({ type }: Receiver, at: number): (number | null)[] {
  return type === 'pagerduty' || type === 'opsgenie' || type === 'victorops' ? [null, at] : [null];
}

function testMessage(
  receiver: Receiver,
  { name }: Definition,
  env: string,
  at: number,
  endsAt: number | null,
): Message {
  const alert = {
    alert: 'test',
    labels: { env, alertname: `test (${name})`, alert: 'test', severity: 'info', sensor: name },
    annotations: {
      summary: 'A test of the notifications: nothing is wrong',
      description: 'Sent by `visualizer notify --test`.',
    },
    startsAt: at,
    endsAt,
    value: null,
  };
  const groupLabels = { env, sensor: name };
  const about = { receiver: receiver.name, groupKey: `{}/{alert="test"}:{env="${env}", sensor="${name}"}` };
  return { ...about, groupLabels, severity: 'info', alerts: [alert], externalUrl: '', at };
}

function lineOf({ name, type }: Receiver, outcome: Outcome): string {
  const who = name === type ? name : `${name} (${type})`;
  if (!outcome.ok) return `${who}: failed: ${outcome.reason}`;
  return `${who}: ok${outcome.note === undefined ? '' : `, in part: ${outcome.note}`}`;
}
