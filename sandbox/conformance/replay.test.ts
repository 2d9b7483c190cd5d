import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ApiClient, type WireAnswer } from '../testing/api-client.ts';
import { compareBodies } from './compare-answers.ts';
import { excuseFor, preparationFor } from './outside.ts';
import { recordedRequest, translate, type Ticket } from './recorded-request.ts';
import { readRecorded, type RecordedCall } from './reference.ts';
import { replayedCluster, type ReplayedCluster } from './replayed-cluster.ts';

const recorded = readRecorded();

describe.skipIf(!recorded)('the sandbox beside recorded answers of genuine Proxmox', () => {
  let cluster: ReplayedCluster;
  beforeAll(async () => {
    cluster = await replayedCluster();
  });
  afterAll(() => cluster.close());

  it('gives the same answers, request by request', { timeout: 180_000 }, async () => {
    const outside = new Map<string, number>();
    const differences: string[] = [];
    let compared = 0;
    let equal = 0;
    const replay = new Replay(cluster);
    for (const call of recorded ?? []) {
      const reason = excuseFor(call);
      if (reason !== undefined) {
        outside.set(reason, (outside.get(reason) ?? 0) + 1);
        continue;
      }
      compared += 1;
      const found = await replay.play(call);
      if (found.length === 0) equal += 1;
      else differences.push(`#${call.n} ${call.case}: ${found.join('; ')}`);
    }
    replay.close();
    const lines = [...outside].map(([reason, count]) => `  ${count} ${reason}`);
    console.log(`Recorded answers: ${compared} compared, ${equal} equal, outside:\n${lines.join('\n')}`);
    expect(differences).toEqual([]);
  });
});

const Started = z.object({ data: z.string().startsWith('UPID:') });
const LoggedIn = z.object({
  data: z.object({ ticket: z.string(), CSRFPreventionToken: z.string(), username: z.string() }),
});

class Replay {
  readonly #cluster: ReplayedCluster;
  readonly #client: ApiClient;
  readonly #names = new Map<string, string>();
  readonly #tickets = new Map<string, Ticket>();

  constructor(cluster: ReplayedCluster) {
    this.#cluster = cluster;
    this.#client = new ApiClient(cluster.sandbox.url, cluster.sandbox.certificate);
  }

  /** Sends the request again. Returns what is different about the answer. */
  async play(call: RecordedCall): Promise<string[]> {
    await preparationFor(call, this.#cluster);
    if (call.auth.startsWith('root@pam ticket')) await this.#logInAsRoot();
    const isFirstPoll = call.case.endsWith('/ first status poll');
    if (call.path.includes('/tasks/') && !isFirstPoll) await this.#untilEnded(call);
    const request = recordedRequest(call, this.#cluster, { names: this.#names, tickets: this.#tickets });
    const answer = await this.#client.send(request).catch(() => undefined);
    if (!answer) return call.status === null ? [] : ['the connection ended without an answer'];
    if (call.status === null) return [`answered ${answer.status} where genuine Proxmox closes the connection`];
    this.#learn(call, answer);
    return this.#compare(call, answer, isFirstPoll);
  }

  close(): void {
    this.#client.close();
  }

  #compare(call: RecordedCall, answer: WireAnswer, isFirstPoll: boolean): string[] {
    const body = bodyOf(answer);
    const differences = compareBodies(
      isFirstPoll ? asRunning(call.body) : call.body,
      isFirstPoll ? asRunning(body) : body,
    );
    if (answer.status !== call.status) differences.unshift(`status ${answer.status} for ${call.status}`);
    differences.push(...compareBodies(call.statusText, answer.statusText));
    const [closes, shouldClose] = [answer.headers['connection'], call.headers['Connection']].map(
      (value) => String(value).toLowerCase() === 'close',
    );
    if (closes !== shouldClose) differences.push(`connection ${closes ? 'closed' : 'kept'}`);
    if (call.headers['Content-Type'] !== answer.headers['content-type']) {
      differences.push(
        `content type ${String(answer.headers['content-type'])} for ${call.headers['Content-Type'] ?? 'none'}`,
      );
    }
    return differences;
  }

  /** Later requests name what earlier answers brought. */
  #learn(call: RecordedCall, answer: WireAnswer): void {
    const theirs = Started.safeParse(call.body).data?.data;
    const ours = Started.safeParse(answer.body).data?.data;
    if (theirs !== undefined && ours !== undefined) this.#names.set(theirs, ours);
    const login = LoggedIn.safeParse(answer.body).data?.data;
    if (login) this.#tickets.set(login.username, { ticket: login.ticket, csrfToken: login.CSRFPreventionToken });
    this.#learnAll(call, answer, /vzdump-lxc-\d+-[\d_-]+(?=\.tar)/g);
    this.#learnAll(call, answer, /(?<="digest":\s?")[0-9a-f]{40}/g);
  }

  #learnAll(call: RecordedCall, answer: WireAnswer, pattern: RegExp): void {
    const theirs = [...new Set(JSON.stringify(call.body).match(pattern))];
    const ours = [...new Set(answer.text.match(pattern))];
    if (theirs.length !== 1 || ours.length !== 1) return;
    this.#names.set(theirs[0] ?? '', ours[0] ?? '');
  }

  async #untilEnded(call: RecordedCall): Promise<void> {
    const path = translate(decodeURIComponent(call.path), { names: this.#names });
    const upid = /UPID:.*?:(?=\/|$)/.exec(path)?.[0];
    if (upid === undefined || call.method === 'DELETE') return;
    while (this.#cluster.sandbox.admin.runningTasks().includes(upid)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async #logInAsRoot(): Promise<void> {
    if (this.#tickets.has('root@pam')) return;
    const credentials = { username: 'root@pam', password: 'root-password' };
    const { data } = LoggedIn.parse((await this.#client.call('POST', '/access/ticket', credentials)).body);
    this.#tickets.set(data.username, { ticket: data.ticket, csrfToken: data.CSRFPreventionToken });
  }
}

function bodyOf(answer: WireAnswer): unknown {
  if (answer.text === '') return null;
  return answer.body === undefined ? { _notJson: answer.text } : answer.body;
}

const Polled = z.object({ data: z.looseObject({ status: z.string(), exitstatus: z.string().optional() }) });

/** How far a task is at the first look depends on the machine. */
function asRunning(body: unknown): unknown {
  const polled = Polled.safeParse(body).data;
  if (!polled) return body;
  const { exitstatus: _, ...data } = polled.data;
  return { ...polled, data: { ...data, status: 'running' } };
}
