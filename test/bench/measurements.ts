import type { Measurement } from './measurement.js';
import { backlog } from './measurements/backlog.js';
import { embedded } from './measurements/embedded.js';
import { history } from './measurements/history.js';
import { http } from './measurements/http.js';
import { influxdb } from './measurements/influxdb.js';
import { oneASecond } from './measurements/one-a-second.js';
import { python } from './measurements/python.js';
import { startUp } from './measurements/start-up.js';
import { telegraf } from './measurements/telegraf.js';
import { uptime } from './measurements/uptime.js';

export const MEASUREMENTS: readonly Measurement[] = [
  http,
  influxdb,
  embedded,
  startUp,
  oneASecond,
  python,
  telegraf,
];

/** How cost grows, with `--scale`. */
export const SCALE_MEASUREMENTS: readonly Measurement[] = [uptime, backlog, history];
