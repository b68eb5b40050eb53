import { connect } from 'node:tls';

/** Whether something there answers a TLS greeting; whose certificate it shows is not asked. */
export function speaksTls(host: string, port: number, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    // Nothing is ever sent over it.
    const socket = connect({ host, port, rejectUnauthorized: false });
    const end = (speaks: boolean) => {
      clearTimeout(timer);
      resolve(speaks);
      socket.destroy();
    };
    const timer = setTimeout(() => end(false), timeoutMs);
    socket.once('secureConnect', () => end(true));
    socket.on('error', () => end(false));
  });
}
