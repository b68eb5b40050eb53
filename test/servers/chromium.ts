import { type Browser, chromium } from 'playwright-core';
import { installed } from './program.js';

/** Whether Debian's Chromium is here. */
export const hasChromium = installed('chromium', 'chromium');

/** A headless browser with a profile of its own, which asks nobody but the page's server. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}
