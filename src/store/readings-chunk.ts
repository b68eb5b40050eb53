import type {
  DuckDBBigIntVector,
  DuckDBBooleanVector,
  DuckDBDataChunk,
  DuckDBDoubleVector,
  DuckDBTimestampNanosecondsVector,
  DuckDBVarCharVector,
} from '@duckdb/node-api';
import type { Readings } from '../readings.js';
import type { DuckDB } from './writer.js';

/** A metric's column: where its value stands in a reading (-1: the definition no longer has it). */
export interface Column {
  readonly index: number;
  readonly integer: boolean;
}

/** As many rows as DuckDB takes at a time. */
const ROWS = 2048;
const [TIME, ENV, DEFECT, METRICS] = [0, 1, 2, 3];

/**
 * Rows of the table `readings`, column by column, as DuckDB keeps them: a tenth of the calls that row by row takes.
 * One is filled again and again; the environment, the same in every row, is written once.
 */
export class ReadingsChunk {
  readonly #duckdb: DuckDB;
  readonly #columns: readonly Column[];
  readonly #chunk: DuckDBDataChunk;

  constructor(duckdb: DuckDB, columns: readonly Column[], env: string) {
    const { DuckDBDataChunk, TIMESTAMP_NS, VARCHAR, BOOLEAN, BIGINT, DOUBLE } = duckdb;
    const types = columns.map(({ integer }) => (integer ? BIGINT : DOUBLE));
    this.#duckdb = duckdb;
    this.#columns = columns;
    this.#chunk = DuckDBDataChunk.create([TIMESTAMP_NS, VARCHAR, BOOLEAN, ...types], ROWS);
    const envs = this.#chunk.getColumnVector(ENV) as DuckDBVarCharVector;
    for (let row = 0; row < ROWS; row += 1) envs.setItem(row, env);
    envs.flush();
  }

  /** The readings in chunks; each is to be taken before the next. */
  *of(readings: Readings): Generator<DuckDBDataChunk> {
    for (let first = 0; first < readings.length; first += ROWS) {
      this.#chunk.rowCount = Math.min(ROWS, readings.length - first);
      this.#fillTimes(readings, first);
      this.#fillDefects(readings, first);
      for (const [place, column] of this.#columns.entries()) {
        if (column.integer) this.#fillIntegers(readings, first, place, column);
        else this.#fillFloats(readings, first, place, column);
      }
      yield this.#chunk;
    }
  }

  #fillTimes(readings: Readings, first: number): void {
    const { DuckDBTimestampNanosecondsValue } = this.#duckdb;
    const vector = this.#chunk.getColumnVector(TIME) as DuckDBTimestampNanosecondsVector;
    for (let row = 0; row < vector.itemCount; row += 1) {
      vector.setItem(row, new DuckDBTimestampNanosecondsValue(readings.timestamp(first + row)));
    }
    vector.flush();
  }

  #fillDefects(readings: Readings, first: number): void {
    const vector = this.#chunk.getColumnVector(DEFECT) as DuckDBBooleanVector;
    for (let row = 0; row < vector.itemCount; row += 1) vector.setItem(row, readings.isDefect(first + row));
    vector.flush();
  }

  #fillIntegers(readings: Readings, first: number, place: number, { index }: Column): void {
    const vector = this.#chunk.getColumnVector(METRICS + place) as DuckDBBigIntVector;
    for (let row = 0; row < vector.itemCount; row += 1) {
      vector.setItem(row, index === -1 ? null : (readings.value(first + row, index) as bigint | null));
    }
    vector.flush();
  }

  #fillFloats(readings: Readings, first: number, place: number, { index }: Column): void {
    const vector = this.#chunk.getColumnVector(METRICS + place) as DuckDBDoubleVector;
    for (let row = 0; row < vector.itemCount; row += 1) {
      vector.setItem(row, index === -1 ? null : (readings.value(first + row, index) as number | null));
    }
    vector.flush();
  }
}
