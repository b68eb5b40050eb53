import { ENDPOINTS, type Endpoints } from '../alerting/receivers.js';
import type { Receiver } from '../definition.js';
import { alertmanager } from './channels/alertmanager.js';
import { email } from './channels/email.js';
import { opsgenie } from './channels/opsgenie.js';
import { pagerduty } from './channels/pagerduty.js';
import { slack } from './channels/slack.js';
import { victorops } from './channels/victorops.js';
import { webhook } from './channels/webhook.js';
import { type Post, poster } from './http.js';
import type { Message } from './message.js';
import { Secrets } from './secrets.js';
import type { Verdict } from './verdict.js';

/** The way to one receiver: one attempt a call. It never rejects, and its verdicts hold no secret. */
export interface Channel {
  send(message: Message, signal: AbortSignal): Promise<Verdict>;
}

export interface ChannelOptions {
  readonly environment: NodeJS.ProcessEnv;
  /** Where it is not {@link ENDPOINTS}, as in a test. */
  readonly endpoints?: Partial<Endpoints> | undefined;
  /** A receiver that takes longer has failed, in ms. */
  readonly timeoutMs?: number | undefined;
}

/** What each type of channel is made with. */
export interface Means {
  readonly secrets: Secrets;
  readonly endpoints: Endpoints;
  readonly post: Post;
  readonly timeoutMs: number;
}

const TIMEOUT_MS = 10_000;
/** A reason is for people. */
const REASON_LENGTH = 300;

/** @throws NotSetUp where the environment does not give what the receiver needs */
export function openChannel(receiver: Receiver, options: ChannelOptions): Channel {
  const { environment, endpoints, timeoutMs = TIMEOUT_MS } = options;
  const secrets = new Secrets(environment);
  const post = poster(secrets, timeoutMs);
  const channel = channelOf(receiver, {
    secrets,
    post,
    timeoutMs,
    endpoints: { ...ENDPOINTS, ...endpoints },
  });
  return {
    async send(message, signal) {
      const verdict = await channel.send(message, signal);
      if (verdict.kind === 'sent') return verdict;
      const reason = secrets.hide(verdict.reason).replace(/\s+/g, ' ').trim();
      return { ...verdict, reason: reason.slice(0, REASON_LENGTH) };
    },
  };
}

function channelOf(receiver: Receiver, means: Means): Channel {
  switch (receiver.type) {
    case 'webhook':
      return webhook(receiver, means);
    case 'alertmanager':
      return alertmanager(receiver, means);
    case 'email':
      return email(receiver, means);
    case 'slack':
      return slack(receiver, means);
    case 'pagerduty':
      return pagerduty(receiver, means);
    case 'opsgenie':
      return opsgenie(receiver, means);
    case 'victorops':
      return victorops(receiver, means);
  }
}
