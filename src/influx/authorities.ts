import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf, VisualizerError } from '../errors.js';

/** The certificates of a PEM file, each of them sound: TLS would pass over what it cannot read, and trust nobody. */
export function readAuthorities(file: string): string {
  const refuse = (problem: string, cause?: unknown) =>
    new VisualizerError('BAD_SETTING', `--ca: ${file} ${problem}`, { cause });
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw refuse(`cannot be read: ${messageOf(cause)}`, cause);
  }
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0)
    throw refuse('holds no certificate: it must be PEM, -----BEGIN CERTIFICATE-----');
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch (cause) {
      throw refuse(`: certificate ${index + 1} cannot be read: ${messageOf(cause)}`, cause);
    }
  }
  return certificates.join('\n');
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;
