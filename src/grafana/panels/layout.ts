import type { GridPos, Panel, RowPanel } from '@grafana/grafana-foundation-sdk/dashboard';
import { RowBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { panelId } from '../names.js';
import type { Placed } from './panel.js';

/** Where panels stand: Grafana's grid has 24 columns. */
export interface Section {
  readonly key: string;
  readonly title: string;
  readonly panels: readonly Placed[];
}

const COLUMNS = 24;
const PANEL_HEIGHT = 8;
const STAT_HEIGHT = 4;
const STATS_A_LINE = 3;
const STAT_COLUMNS = 15;

/** Two lines of stats, and beside them a list as high as both; then the sections, each with its title. */
export function laidOut(
  stats: readonly Placed['panel'][],
  list: Placed['panel'],
  sections: readonly Section[],
): (Panel | RowPanel)[] {
  const lines = chunks(stats, STATS_A_LINE);
  const top = lines.flatMap((line, index) => statLine(line, index * STAT_HEIGHT));
  let y = lines.length * STAT_HEIGHT;
  top.push(at(list, { x: STAT_COLUMNS, y: 0, w: COLUMNS - STAT_COLUMNS, h: y }));
  const below: (Panel | RowPanel)[] = [];
  for (const { key, title, panels } of sections) {
    below.push(
      new RowBuilder(title)
        .id(panelId(`row.${key}`))
        .gridPos({ x: 0, y, w: COLUMNS, h: 1 })
        .build(),
    );
    y += 1;
    for (const line of linesOf(panels)) {
      below.push(...panelLine(line, y));
      y += PANEL_HEIGHT;
    }
  }
  return [...top, ...below];
}

function statLine(stats: readonly Placed['panel'][], y: number): Panel[] {
  const edge = (index: number) => Math.round((STAT_COLUMNS * index) / stats.length);
  return stats.map((stat, index) =>
    at(stat, { x: edge(index), y, w: edge(index + 1) - edge(index), h: STAT_HEIGHT }),
  );
}

/** As many on a line as fit. */
function linesOf(panels: readonly Placed[]): Placed[][] {
  const lines: Placed[][] = [];
  let free = 0;
  for (const placed of panels) {
    if (placed.width > free) {
      lines.push([]);
      free = COLUMNS;
    }
    lines.at(-1)?.push(placed);
    free -= placed.width;
  }
  return lines;
}

/** The last panel takes what the others leave. */
function panelLine(line: readonly Placed[], y: number): Panel[] {
  let x = 0;
  return line.map(({ panel, width }, index) => {
    const w = index === line.length - 1 ? COLUMNS - x : width;
    const placed = at(panel, { x, y, w, h: PANEL_HEIGHT });
    x += w;
    return placed;
  });
}

function at(panel: Placed['panel'], gridPos: GridPos): Panel {
  return { ...panel.build(), gridPos };
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
