import { expect, it } from 'vitest';
import { RequestSize } from '../../src/influx/request-size.js';

const MEBIBYTE = 1024 * 1024;

it('takes an outage before for no bound of what a server takes', () => {
  const size = new RequestSize(10_000);
  for (let bytes = MEBIBYTE; bytes > 64 * 1024; bytes /= 2) size.cutOff(bytes);
  size.tooLarge(MEBIBYTE);
  for (let request = 0; request < 100; request += 1) size.accepted(size.bytes, 10);
  expect(size.bytes).toBe(MEBIBYTE / 2);
});

it('knows no bound before something was too much', () => {
  const size = new RequestSize(10_000);
  size.accepted(2 * MEBIBYTE, 10);
  expect(size.isExceededBy(3 * MEBIBYTE)).toBe(false);
  size.cutOff(3 * MEBIBYTE);
  expect(size.isExceededBy(3 * MEBIBYTE)).toBe(true);
  expect(size.isExceededBy(1.5 * MEBIBYTE)).toBe(false);
});
