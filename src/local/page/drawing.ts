/** uPlot comes as a classic script before ours, `/uplot.js`: its smallest build is no module. */
import type UPlot from 'uplot';

export type { UPlot };

export const uPlot = (globalThis as unknown as { readonly uPlot: typeof UPlot }).uPlot;
