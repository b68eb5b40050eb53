/** As much of a Dockerfile as ours needs: no heredocs, no escape but the backslash, no shell form but that of RUN. */

export interface Instruction {
  readonly name: string;
  /** As it is written, continued lines joined. */
  readonly text: string;
}

export interface Stage {
  readonly base: string;
  readonly as: string | undefined;
  readonly instructions: readonly Instruction[];
}

export interface Copy {
  /** The stage that it comes from; undefined for the build context. */
  readonly from: string | undefined;
  readonly sources: readonly string[];
  readonly target: string;
}

export function stagesOf(dockerfile: string): Stage[] {
  const stages: { base: string; as: string | undefined; instructions: Instruction[] }[] = [];
  for (const instruction of instructionsOf(dockerfile)) {
    const [, base, as] = /^(\S+)(?:\s+AS\s+(\S+))?$/.exec(instruction.text) ?? [];
    if (instruction.name === 'FROM') stages.push({ base: base ?? '', as, instructions: [] });
    else stages.at(-1)?.instructions.push(instruction);
  }
  return stages;
}

/** The values of all instructions of a name. */
export function all({ instructions }: Stage, name: string): string[] {
  return instructions.filter((instruction) => instruction.name === name).map(({ text }) => text);
}

export function copiesOf(stage: Stage): Copy[] {
  return all(stage, 'COPY').map(copyOf);
}

export function copyOf(text: string): Copy {
  const words = text.split(/\s+/);
  const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const paths = words.filter((word) => !word.startsWith('--'));
  return { from, sources: paths.slice(0, -1), target: paths.at(-1) ?? '' };
}

function instructionsOf(dockerfile: string): Instruction[] {
  const lines = dockerfile.split('\n').filter((line) => !/^\s*#/.test(line));
  const joined = lines.join('\n').replace(/\\\n/g, ' ').split('\n');
  return joined.flatMap((line) => {
    const [, name, text] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? [];
    return name === undefined || text === undefined ? [] : [{ name, text }];
  });
}
