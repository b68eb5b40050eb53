import type { Definition } from '../../definition.js';
import { influxSeries } from '../../queries/influxql.js';
import { ask, increases, type RunnerField, runner } from '../../queries/query.js';
import { bars, type Graph, lines, stairs } from './graph.js';
import { type Placed, panelScope, SERIES, type Target } from './panel.js';
import { PLAIN } from './units.js';

/** How Visualizer itself does: what it reads, what it delivers, what waits, and what that costs. */
export function runnerPanels(definition: Definition): Placed[] {
  const rises = (...fields: RunnerField[]) => fields.map((field) => riseOf(field, definition));
  const level = (field: RunnerField) => [levelOf(field, definition)];
  return [
    placed(12, stairs, {
      key: 'runner.lines',
      title: 'Lines read and delivered per minute',
      texts: [
        'What the sensor printed, and what the database has taken. Delivered below read means that lines wait; above it, that a backlog is worked off.',
        RISES_TEXT,
      ],
      unit: PLAIN,
      targets: rises('read', 'delivered'),
    }),
    placed(12, bars, {
      key: 'runner.lost',
      title: 'Lines rejected and dropped per minute',
      texts: [
        'Rejected lines fit the definition nowhere, or were refused by the database (see `rejected/` in the state directory). Dropped ones were given up for want of room. Both should be 0.',
        RISES_TEXT,
      ],
      unit: PLAIN,
      targets: rises('rejected', 'dropped'),
    }),
    placed(8, lines, {
      key: 'runner.queued',
      title: 'Lines queued',
      texts: [
        'Lines that wait on disk for the database. A few are usual; if they climb, it is away or too slow.',
      ],
      unit: PLAIN,
      targets: level('queued'),
    }),
    placed(8, lines, {
      key: 'runner.buffer_bytes',
      title: 'Buffer on disk',
      texts: ['How much room the waiting lines take. At `--buffer-max` the oldest are dropped.'],
      unit: 'bytes',
      targets: level('buffer_bytes'),
    }),
    placed(8, lines, {
      key: 'runner.buffer_age_ms',
      title: 'Age of the buffer',
      texts: ['How long the oldest line has waited: about as long as the database has been away.'],
      unit: 'ms',
      targets: level('buffer_age_ms'),
    }),
    placed(8, lines, {
      key: 'runner.write_ms',
      title: 'Time of a write',
      texts: ['How long the database takes for a batch. Seconds mean that it is overloaded or far away.'],
      unit: 'ms',
      targets: level('write_ms'),
    }),
    placed(8, bars, {
      key: 'runner.blocked_ms',
      title: 'Time blocked per minute',
      texts: [
        'How long lines had to wait for the runner. More than now and then means that the sensor prints faster than the disk takes it.',
        RISES_TEXT,
      ],
      unit: 'ms',
      targets: rises('blocked_ms'),
    }),
    placed(8, bars, {
      key: 'runner.restarts',
      title: 'Restarts of the sensor per minute',
      texts: [
        'How often the sensor was started again. The log says why it ended, with its last words.',
        RISES_TEXT,
      ],
      unit: PLAIN,
      targets: rises('restarts'),
    }),
  ];
}

const RISES_TEXT =
  'The newest minute is still filling. These totals start again from 0 with a new state directory, some with each run; what was counted before the first report of a run is not seen here.';

const MINUTE_MS = 60_000;

function placed(width: number, draw: (graph: Graph) => Placed['panel'], graph: Graph): Placed {
  return { panel: draw(graph), width };
}

function riseOf(field: RunnerField, definition: Definition): Target {
  const question = ask(increases(runner(field)), ['sum']);
  const query = influxSeries(question, panelScope(definition), MINUTE_MS);
  return { query, alias: `${field} ${SERIES}` };
}

/** The highest of a bucket, so that a short peak is seen in a long time range too. */
function levelOf(field: RunnerField, definition: Definition): Target {
  const query = influxSeries(ask(runner(field), ['max']), panelScope(definition), 'grafana');
  return { query, alias: SERIES };
}
