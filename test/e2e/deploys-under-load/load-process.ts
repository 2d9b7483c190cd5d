import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, Pool, WebSocket } from 'undici';
import { LoadOptions, type LoadReport } from './load-report.ts';

/** A process of its own, so that what the test does never holds up a request. Ends, with its report, on any message. */
const { port, host, perSecond, withStreams } = LoadOptions.parse(JSON.parse(process.argv[2] ?? ''));
const origin = `http://127.0.0.1:${port}`;
const kept = new Pool(origin, { connections: 16, headersTimeout: 20_000 });
const fresh = new Pool(origin, { headersTimeout: 20_000 });
const local = new Agent({ connect: { lookup: (_, __, done) => done(null, [{ address: '127.0.0.1', family: 4 }]) } });

const report: LoadReport = {
  requests: 0,
  failures: [],
  latenciesMs: [],
  versions: [],
  eventStreams: { opened: 0, events: 0 },
  sockets: { opened: 0, echoes: 0 },
};
const versions = new Set<string>();
const ending = new AbortController();
process.once('message', () => ending.abort());
process.once('disconnect', () => ending.abort());

await Promise.all([sendRequests(), ...(withStreams ? [readEvents(), useSocket()] : [])]);
await Promise.all([kept.destroy(), fresh.destroy(), local.destroy()]);
process.send?.({ ...report, versions: [...versions] }, () => process.disconnect());

/** At a constant rate, however long answers take: a slow moment is not hidden by asking less. */
async function sendRequests(): Promise<void> {
  const startedAt = performance.now();
  const open = new Set<Promise<void>>();
  while (!ending.signal.aborted) {
    while (report.requests < ((performance.now() - startedAt) / 1_000) * perSecond) {
      const asked = ask(report.requests).finally(() => open.delete(asked));
      open.add(asked);
      report.requests += 1;
    }
    await sleep(5);
  }
  await Promise.all(open);
}

/** Of ten requests six are on connections that are kept and four on new ones; one of each has a body, and of twenty one is slow. */
async function ask(index: number): Promise<void> {
  const isKept = index % 5 < 3;
  const isSlow = withStreams && index % 20 === 3;
  const hasBody = index % 10 === 4 || index % 10 === 7;
  const startedAt = performance.now();
  const answer = await (isKept ? kept : fresh)
    .request({
      path: isSlow ? '/slow' : '/',
      headers: { host },
      ...(hasBody ? { method: 'POST', body: 'a body' } : { method: 'GET' }),
      reset: !isKept,
    })
    .then(async ({ statusCode, body }) => ({ statusCode, text: await body.text() }))
    .catch((error: unknown) => ({ statusCode: 0, text: error instanceof Error ? error.message : String(error) }));
  if (answer.statusCode !== 200)
    fail(
      `${isKept ? 'kept' : 'new'} connection, ${hasBody ? 'POST' : 'GET'}: ${answer.statusCode} ${answer.text.slice(0, 200)}`,
    );
  else versions.add(answer.text.slice(0, 50));
  if (!isSlow) report.latenciesMs.push(performance.now() - startedAt);
}

/** As an EventSource: asks again whenever a stream ends, which each deploy does to it. */
async function readEvents(): Promise<void> {
  while (!ending.signal.aborted) {
    try {
      const { statusCode, body } = await fresh.request({
        path: '/events',
        method: 'GET',
        headers: { host },
        signal: ending.signal,
        reset: true,
      });
      if (statusCode !== 200) fail(`event stream: ${statusCode}`);
      report.eventStreams.opened += 1;
      for await (const _ of body) report.eventStreams.events += 1;
    } catch (error) {
      // A stream that was open and is cut is what an EventSource makes good by itself.
      if (!ending.signal.aborted && report.eventStreams.opened === 0) fail(`event stream: ${String(error)}`);
      await sleep(20);
    }
  }
}

/** As a page: connects again when it was closed. Not to be let in again is a failure. */
async function useSocket(): Promise<void> {
  while (!ending.signal.aborted) {
    const socket = new WebSocket(`ws://${host}/socket`, { dispatcher: local });
    let isOpen = false;
    const timer = setInterval(() => isOpen && socket.send('hello'), 100);
    const close = (): void => socket.close();
    ending.signal.addEventListener('abort', close);
    await new Promise<void>((resolve) => {
      socket.addEventListener('open', () => {
        isOpen = true;
        report.sockets.opened += 1;
      });
      socket.addEventListener('message', () => (report.sockets.echoes += 1));
      socket.addEventListener('close', () => resolve());
      socket.addEventListener('error', () => resolve());
    });
    clearInterval(timer);
    ending.signal.removeEventListener('abort', close);
    if (!isOpen && !ending.signal.aborted) fail('WebSocket: not let in');
    await sleep(20);
  }
}

function fail(what: string): void {
  report.failures.push({ at: new Date().toISOString(), what });
}
