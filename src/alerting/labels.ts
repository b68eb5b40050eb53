/** What tells the instances of an alert from one another: env, kind. */
export type Labels = Readonly<Record<string, string>>;

/** In the order of their names: the same text for the same labels. */
export function sortedLabels(labels: Labels): [name: string, value: string][] {
  return Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
}
