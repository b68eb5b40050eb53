import type { Page as Tab } from 'playwright-core';

/** Of a chart: the times of its rows, then its columns, as uPlot was given them to draw. */
export type Drawn = readonly [times: readonly number[], ...columns: readonly (number | null)[][]];

/** The script that brings uPlot sets this property; whoever draws then draws with one that remembers its charts. */
const WATCH = `{
  let uPlot;
  globalThis.charts = [];
  const construct = (Plot, options) => {
    const plot = new Plot(...options);
    charts.push(plot);
    return plot;
  };
  Object.defineProperty(globalThis, 'uPlot', {
    get: () => uPlot,
    set: (Plot) => (uPlot = new Proxy(Plot, { construct })),
  });
}`;

/** To be called before the tab goes to the page. */
export async function watchCharts(tab: Tab): Promise<void> {
  await tab.addInitScript(WATCH);
}

/** By the chart's name, what is drawn in it now. */
export function drawnIn(tab: Tab): Promise<Record<string, Drawn>> {
  return tab.evaluate(`Object.fromEntries(charts
    .filter(({ root }) => root.isConnected)
    .map(({ root, data }) => [root.closest('[data-chart]').dataset.chart, data.map((column) => [...column])]))`);
}
