import { connect } from 'node:tls';

/** Whether something there answers a TLS greeting; whose certificate it shows is not asked. */
export function speaksTls(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Nothing is ever sent over it.
    const socket = connect({ host, port, rejectUnauthorized: false, timeout: timeoutMs });
    const end = (speaks: boolean) => {
      resolve(speaks);
      socket.destroy();
    };
    socket.once('secureConnect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}
