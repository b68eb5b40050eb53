/** The colours and the type of page.css for the canvas, which cannot read them itself. */

export interface Theme {
  readonly text: string;
  readonly strong: string;
  readonly grid: string;
  readonly surface: string;
  readonly defect: string;
  readonly error: string;
  /** Of alerts, by severity. */
  readonly severities: Readonly<Record<'info' | 'warning' | 'critical', string>>;
  /** One a metric, from the start again when there are more metrics. */
  readonly lines: readonly string[];
  /** Of the labels, for the canvas. */
  readonly font: string;
  /** Size of the labels in CSS pixels: larger on a wall screen. */
  readonly fontSize: number;
}

export function readTheme(): Theme {
  const root = getComputedStyle(document.documentElement);
  const colour = (name: string) => root.getPropertyValue(name).trim();
  const fontSize = Math.round(Number.parseFloat(root.fontSize) * 0.75);
  return {
    text: colour('--muted'),
    strong: colour('--text'),
    grid: colour('--grid'),
    surface: colour('--surface'),
    defect: colour('--defect'),
    error: colour('--bad'),
    severities: { info: colour('--info'), warning: colour('--warning'), critical: colour('--critical') },
    lines: ['--line-1', '--line-2', '--line-3', '--line-4'].map(colour),
    font: `${fontSize}px ${getComputedStyle(document.body).fontFamily}`,
    fontSize,
  };
}
