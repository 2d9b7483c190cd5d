import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { whyNoCaddy } from '../../reconcilers/providers/proxy/testing/caddy-process.ts';
import { makeApplication, obstacleToApplication, serviceManifest } from './deploys-under-load/application.ts';
import { DeployRun } from './deploys-under-load/deploy-run.ts';
import type { LoadReport } from './deploys-under-load/load-report.ts';
import { startLoad } from './deploys-under-load/start-load.ts';
import { DevEnvironment, obstacleToContainers, pause, until } from './dev-environment.ts';

const obstacle = obstacleToContainers() ?? whyNoCaddy() ?? (await obstacleToApplication());
if (obstacle !== undefined) console.log(`Skipped, deploys under load in real containers: ${obstacle}.`);

const NODES = ['pve1', 'pve2'];
const PER_SECOND = 100;

describe.skipIf(obstacle !== undefined)('deploys of two real containers behind a real Caddy under load', () => {
  const dev = new DevEnvironment();
  const run = new DeployRun(dev);

  beforeAll(async () => {
    await makeApplication(dev);
    await dev.start({ engine: 'lxc', nodes: NODES.length });
    dev.must('apply', '-f', dev.write('web.yaml', serviceManifest(dev)));
    dev.must('wait', 'service/web', '-n', 'shop', '--for=condition=Ready', '--timeout', '120s');
    await run.settled(1);
  });
  afterAll(() => dev.dispose());

  /** The load goes on until the work is done; its report. */
  async function underLoad(work: () => Promise<void>): Promise<LoadReport> {
    const { host, port } = new URL(dev.field('service/web', '{.status.url}'));
    const load = startLoad({ host, port: Number(port), perSecond: PER_SECOND, withStreams: true });
    try {
      await work();
    } finally {
      await pause(300);
    }
    return load.stop();
  }

  async function expectNothingLeft(): Promise<void> {
    await until('nothing of earlier revisions is left', async () => (await run.orphans(NODES)).length === 0, 20_000);
  }

  it('fails no request, on connections kept and new, while revisions and commits are deployed', async () => {
    const load = await underLoad(async () => {
      for (const index of [1, 2, 3, 4, 5, 6, 7, 8]) {
        if (index % 4 !== 0) await run.deploy(`v${index}`);
        else {
          writeFileSync(join(dev.repository, 'page.txt'), `${index}\n`);
          await run.deployCommit(dev.commit(`Version ${index}`), `v${index}`);
        }
      }
    });
    expect(load.failures).toEqual([]);
    expect(load.requests).toBeGreaterThan(PER_SECOND);
    expect(load.versions).toEqual(expect.arrayContaining(['v1', 'v4', 'v8']));
    expect(load.eventStreams.events).toBeGreaterThan(10);
    expect(load.sockets.echoes).toBeGreaterThan(10);
    await expectNothingLeft();
  });

  it('fails no request while a deploy is rolled back', async () => {
    const load = await underLoad(async () => {
      await run.deploy('v9');
      await run.rollback();
    });
    expect(load.failures).toEqual([]);
    expect(load.versions).toEqual(expect.arrayContaining(['v8', 'v9']));
    await expectNothingLeft();
  });

  it('fails no request while the controller is killed in the middle of deploys, which it then carries out', async () => {
    const load = await underLoad(async () => {
      for (const [round, killAfterMs] of [100, 700, 1_500].entries()) {
        await run.patch({ spec: { env: [{ name: 'VERSION', value: `v${20 + round}` }] } });
        await pause(killAfterMs);
        dev.killController();
        await until('the API answers again', () => dev.command('get', 'projects').code === 0, 60_000);
        await run.settled(await run.latestRevision());
      }
    });
    expect(load.failures).toEqual([]);
    expect(load.versions).toEqual(expect.arrayContaining(['v20', 'v21', 'v22']));
    await expectNothingLeft();
  });

  it('leaves nothing behind when the service goes', async () => {
    dev.must('delete', 'service/web', '-n', 'shop', '--timeout', '120s');
    expect(await run.leftovers(NODES)).toEqual([]);
  });
});
