import { createServer } from 'node:net';
import { CliError } from '../exit.ts';

/** A port of this machine that is free now; 0 asks for any. Conflict, naming the port, when another program has it. */
export async function choosePort(wanted: number): Promise<number> {
  const server = createServer();
  try {
    return await new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen(wanted, '127.0.0.1', () => {
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : wanted);
      });
    });
  } catch (cause) {
    const isDenied = cause instanceof Error && 'code' in cause && cause.code === 'EACCES';
    const message = isDenied
      ? `Port ${wanted} may not be used by you: ports below 1024 need root. Choose a higher one with --port.`
      : `Port ${wanted} is in use by another program. Choose another with --port, or --port 0 for any.`;
    throw new CliError(isDenied ? 'forbidden' : 'conflict', message, [], { cause });
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}
