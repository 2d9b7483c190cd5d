import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox, type Sandbox, type SandboxOptions } from '../sandbox.ts';
import { createSimulatedEngine } from '../simulated/simulated-engine.ts';
import { ApiClient } from './api-client.ts';
import { writeWebImage } from './image-archive.ts';

/** A sandbox of simulated guests for one test, with a template `local:vztmpl/web.tar` on pve1 and a token of all rights. */
export interface TestSandbox {
  sandbox: Sandbox;
  api: ApiClient;
  folder: string;
  /** A client with a token of its own: the user's rights are for the test to give. */
  clientFor(user: string, privsep?: boolean): Promise<ApiClient>;
  /** Makes a guest on pve1 from the template. Resolves with the task's end. */
  create(vmid: number, parameters?: Record<string, unknown>): Promise<string>;
  /** Ends the sandbox and starts another with the same folder. Guests keep running in between. */
  restart(options?: Partial<SandboxOptions>): Promise<void>;
  close(): Promise<void>;
}

/** Starts a sandbox that waits for nothing unless the options say so. */
export async function startTestSandbox(options: Partial<SandboxOptions> = {}): Promise<TestSandbox> {
  const folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
  const clients: ApiClient[] = [];
  const start = async (more: Partial<SandboxOptions>): Promise<{ sandbox: Sandbox; api: ApiClient }> => {
    const engine = createSimulatedEngine({ stateDir: join(folder, 'engine') });
    const nodes = ['pve1', 'pve2'];
    const quick = { authDelayMs: 0, statsTickMs: 0, taskStopWaitMs: 100 };
    const sandbox = await startSandbox({ dataDir: join(folder, 'data'), nodes, engine, ...quick, ...options, ...more });
    const secret = await sandbox.addToken('root@pam', 'test', { privsep: false });
    return { sandbox, api: connect(sandbox, `root@pam!test=${secret}`) };
  };
  const connect = (sandbox: Sandbox, token: string): ApiClient => {
    const client = new ApiClient(sandbox.url, sandbox.certificate, token);
    clients.push(client);
    return client;
  };
  const started = await start({});
  await writeWebImage(started.sandbox.admin.volumePath('pve1', 'local:vztmpl/web.tar'));
  const test: TestSandbox = {
    ...started,
    folder,
    clientFor: async (user, privsep = false) => {
      const secret = await test.sandbox.addToken(user, 'test', { privsep });
      return connect(test.sandbox, `${user}!test=${secret}`);
    },
    create: (vmid, parameters = {}) =>
      test.api.task('POST', '/nodes/pve1/lxc', {
        vmid,
        ostemplate: 'local:vztmpl/web.tar',
        rootfs: 'local:1',
        ostype: 'unmanaged',
        ...parameters,
      }),
    restart: async (more = {}) => {
      await test.sandbox.close({ stopGuests: false });
      Object.assign(test, await start(more));
    },
    close: async () => {
      for (const client of clients) client.close();
      await test.sandbox.close();
      await rm(folder, { recursive: true });
    },
  };
  return test;
}
