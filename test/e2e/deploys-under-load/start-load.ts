import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { LoadReport, type LoadOptions } from './load-report.ts';

/** Starts a constant load; `stop` ends it and answers what came of it once every request has its answer. */
export function startLoad(options: LoadOptions): { stop: () => Promise<LoadReport> } {
  const child = fork(join(import.meta.dirname, 'load-process.ts'), [JSON.stringify(options)], { execArgv: [] });
  const reported = once(child, 'message').then(([report]) => LoadReport.parse(report));
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`The load ended with ${String(code)} before it was stopped.`);
  });
  const report = Promise.race([reported, ended]);
  report.catch(() => undefined);
  ended.catch(() => undefined);
  return {
    stop: () => {
      if (child.connected) child.send('stop');
      return report;
    },
  };
}
