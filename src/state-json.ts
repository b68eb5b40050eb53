import type { z } from 'zod';

/** What a JSON file of ours holds. @throws Error saying in one line where it is not as expected */
export function parseStateJson<Content>(text: string, format: z.ZodType<Content>): Content {
  const { data, error } = format.safeParse(JSON.parse(text));
  if (error === undefined) return data;
  const [issue] = error.issues;
  throw new Error(`${issue?.path.join('.')}: ${issue?.message}`);
}
