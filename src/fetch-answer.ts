/** What `fetch` answers, within bounds, and why it did not. */

/** More of an answer is not read. */
const ANSWER_BYTES = 16 * 1024;

/** The status says enough where the rest does not come. */
export async function beginningOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      if (text.length >= ANSWER_BYTES) break;
    }
  } catch {
    return text;
  }
  return text;
}

/** `fetch` says `fetch failed`, and why in the cause. */
export function failureText(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const { cause } = failure as { cause?: NodeJS.ErrnoException };
  if (failure.name === 'TimeoutError' || cause?.name === 'TimeoutError') return 'no answer in time';
  return cause instanceof Error ? cause.message || cause.code || failure.message : failure.message;
}
