/**
 * What Grafana and Alertmanager tell when alerts fire, and what is done about it. Their bodies agree in what counts
 * here: `alerts`, each with a `status` and its `labels`. Only alerts of this sensor and environment are ours.
 */
import type { IncomingMessage } from 'node:http';
import * as z from '../zod.js';
import type { Actions } from './actions.js';
import { readBody } from './body.js';
import { failure, json, type Reply } from './replies.js';

const MOST_BYTES = 1_048_576;

const BODY = z.object({
  alerts: z.array(
    z.object({
      status: z.enum(['firing', 'resolved']),
      labels: z.record(z.string(), z.string()),
    }),
  ),
});

export interface HookOptions {
  readonly sensor: string;
  readonly env: string;
  /** Absent where nothing runs that could be acted upon. */
  readonly actions: Actions | undefined;
}

export async function takeAlerts(request: IncomingMessage, options: HookOptions): Promise<Reply> {
  const { sensor, env, actions } = options;
  if (actions === undefined) return failure(409, 'nothing is being recorded here that alerts could act upon');
  const body = parsed(await readBody(request, 'application/json', MOST_BYTES));
  if (body === undefined) {
    return failure(400, 'the body must be that of Grafana\'s or Alertmanager\'s webhook: {"alerts":[...]}');
  }
  const from = request.headers['user-agent']?.slice(0, 80) ?? 'a webhook';
  const seen = new Set<string>();
  const results = body.alerts.flatMap(({ status, labels }) => {
    const id = labels.alert;
    const isOurs = labels.sensor === sensor && (labels.env ?? env) === env;
    if (!isOurs || id === undefined || status !== 'firing' || seen.has(id)) return [];
    seen.add(id);
    return [{ alert: id, outcome: actions.take(id, from) }];
  });
  return json(200, { received: body.alerts.length, results });
}

function parsed(text: string): z.infer<typeof BODY> | undefined {
  try {
    return BODY.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
