import { secretVariable } from '../../alerting/receivers.js';
import type { Keyed, ReceiverBase } from '../../definition.js';
import type { Channel, Means } from '../channel.js';
import { type Message, paragraphsOf, shortened, statusOf, titleOf } from '../message.js';
import { NotSetUp } from '../secrets.js';

/** Slack refuses a longer text in a block. */
const SECTION_LENGTH = 2_900;

/** An incoming webhook. */
export function slack(receiver: ReceiverBase & Keyed, { secrets, endpoints, post }: Means): Channel {
  const variable = secretVariable('SLACK_WEBHOOK', receiver);
  const what = `what follows ${endpoints.slack} in the URL of Slack's incoming webhook`;
  const [key] = secrets.keys(variable);
  if (key.includes('://')) throw new NotSetUp(`${variable} must be ${what} only`);
  const url = `${endpoints.slack}${key}`;
  const mend = `set ${variable} to ${what}`;
  return { send: (message, signal) => post({ url, body: slackBody(message), mend }, signal) };
}

/** `text` is what the notification of a phone shows; the blocks are the message. */
function slackBody(message: Message) {
  const title = `${statusOf(message) === 'firing' ? '🔥' : '✅'} ${escaped(titleOf(message))}`;
  const paragraphs = paragraphsOf(message).map(({ heading, lines }) =>
    [`*${escaped(heading)}*`, ...lines.map(escaped)].join('\n'),
  );
  const link = message.externalUrl === '' ? [] : [`<${escaped(message.externalUrl)}>`];
  return { text: title, blocks: [`*${title}*`, ...paragraphs, ...link].map(section) };
}

function section(text: string) {
  return { type: 'section', text: { type: 'mrkdwn', text: shortened(text, SECTION_LENGTH) } };
}

/** Rule: https://api.slack.com/reference/surfaces/formatting#escaping */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
