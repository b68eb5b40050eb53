import { RULES_FILE } from './files.js';

const REMOVED_FILE = 'provisioning/alerting/00-removed-rules.json';

interface AlertingFile {
  readonly groups?: readonly { readonly rules: readonly { readonly uid: string }[] }[];
  readonly deleteRules?: readonly { readonly uid: string }[];
}

/**
 * Grafana keeps a rule that is no longer in any file until it is told to delete it, and it has to be told before a
 * new rule may take the title: hence a file of its own, whose name sorts first. `read` gives what was there before.
 */
export function removedRules(
  files: ReadonlyMap<string, string>,
  read: (path: string) => string | undefined,
): [path: string, text: string][] {
  const present = uidsIn(files.get(RULES_FILE));
  const before = read(REMOVED_FILE);
  const removed = [...uidsIn(read(RULES_FILE)), ...uidsIn(before)].filter((uid) => !present.includes(uid));
  if (removed.length === 0 && before === undefined) return [];
  const deleteRules = [...new Set(removed)].sort().map((uid) => ({ orgId: 1, uid }));
  return [[REMOVED_FILE, `${JSON.stringify({ apiVersion: 1, deleteRules }, null, 2)}\n`]];
}

/** Of the rules that a file has, or deletes; a file that is not ours has none. */
function uidsIn(text: string | undefined): string[] {
  if (text === undefined) return [];
  try {
    const { groups = [], deleteRules = [] } = JSON.parse(text) as AlertingFile;
    return [...groups.flatMap(({ rules }) => rules), ...deleteRules].map(({ uid }) => uid);
  } catch {
    return [];
  }
}
