import { requireAll } from '../access/permission.ts';
import { invalidParameters } from '../refusal.ts';
import { splitList } from '../schema/formats.ts';
import { parseUpid } from '../tasks/upid.ts';
import type { TaskRecord } from '../tasks/task-registry.ts';
import { nodeParameter, Page, TextAnswer, vmidParameter, type Call, type CallContext } from './call.ts';
import { ownsTask, splitUser } from './task-list.ts';

const upidParameters = { ...nodeParameter, upid: { type: 'string' } } as const;
const count = { type: 'integer', minimum: 0, optional: true } as const;
const flag = { type: 'boolean', optional: true } as const;

/** A node's tasks. */
export const taskCalls: readonly Call[] = [
  {
    method: 'GET',
    path: '/nodes/{node}/tasks',
    proxied: true,
    permission: { user: 'all' },
    parameters: {
      ...nodeParameter,
      errors: flag,
      limit: count,
      since: { type: 'integer', optional: true },
      source: { type: 'string', enum: ['archive', 'active', 'all'], optional: true },
      start: count,
      statusfilter: { type: 'string', format: 'pve-task-status-type-list', optional: true },
      typefilter: { type: 'string', optional: true },
      until: { type: 'integer', optional: true },
      userfilter: { type: 'string', optional: true },
      vmid: { ...vmidParameter, optional: true },
    },
    handle: listTasks,
  },
  {
    method: 'GET',
    path: '/nodes/{node}/tasks/{upid}',
    permission: { user: 'all' },
    parameters: upidParameters,
    handle: () => [{ name: 'log' }, { name: 'status' }],
  },
  {
    method: 'GET',
    path: '/nodes/{node}/tasks/{upid}/status',
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: upidParameters,
    handle: (context) => {
      const task = findTask(context);
      requireTaskRight(context, task, 'Sys.Audit');
      const { parts, upid, end } = task;
      return {
        upid,
        node: parts.node,
        pid: parts.pid,
        pstart: parts.processStart,
        starttime: parts.startTime,
        type: parts.type,
        id: parts.id,
        ...splitUser(parts.user),
        status: end ? 'stopped' : 'running',
        ...(end && { exitstatus: end.status }),
      };
    },
  },
  {
    method: 'GET',
    path: '/nodes/{node}/tasks/{upid}/log',
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: { ...upidParameters, download: flag, limit: count, start: count },
    handle: readLog,
  },
  {
    method: 'DELETE',
    path: '/nodes/{node}/tasks/{upid}',
    protected: true,
    proxied: true,
    permission: { user: 'all' },
    parameters: upidParameters,
    handle: async (context) => {
      const task = findTask(context);
      requireTaskRight(context, task, 'Sys.Modify');
      await context.cluster.tasks.stop(task.upid, context.cluster.settings.taskStopWaitMs);
    },
  },
];

function findTask({ cluster, args }: CallContext): TaskRecord {
  const upid = args.required('upid');
  if (!parseUpid(upid)) throw invalidParameters({ upid: 'unable to parse worker upid' });
  const task = cluster.tasks.get(upid);
  if (!task) throw invalidParameters({ upid: 'no such task' });
  return task;
}

function requireTaskRight(
  { cluster, identity, node }: CallContext,
  task: TaskRecord,
  privilege: 'Sys.Audit' | 'Sys.Modify',
): void {
  if (!ownsTask(task, identity)) requireAll(cluster.access, identity, `/nodes/${node}`, [privilege]);
}

function readLog(context: CallContext): Page | TextAnswer {
  const { cluster, args, identity, node } = context;
  const upid = args.required('upid');
  const parts = parseUpid(upid);
  if (!parts) throw invalidParameters({ upid: 'unable to parse worker upid' });
  const known = cluster.tasks.get(upid);
  if (known ? !ownsTask(known, identity) : parts.user !== identity.id) {
    requireAll(cluster.access, identity, `/nodes/${node}`, ['Sys.Audit']);
  }
  const lines = known?.lines ?? ['unable to open file - No such file or directory'];
  if (args.flag('download')) {
    const at = new Date(parts.startTime * 1000).toISOString().replace(/\.\d+/, '');
    return new TextAnswer(lines.map((line) => `${line}\n`).join(''), `task-${parts.node}-${parts.type}-${at}.log`);
  }
  if (lines.length === 0) return new Page([{ n: 1, t: 'no content' }], 1);
  const start = args.number('start') ?? 0;
  const limit = args.number('limit') ?? 50;
  const end = limit === 0 ? lines.length : start + limit;
  const items = lines.slice(start, end).map((t, index) => ({ n: start + index + 1, t }));
  return new Page(items, lines.length);
}

function listTasks({ cluster, identity, args, node }: CallContext): Page {
  const seesAll = cluster.access.has(identity, `/nodes/${node}`, 'Sys.Audit');
  const source = args.text('source') ?? 'archive';
  const here = [...cluster.tasks.all()].filter(
    (task) => task.parts.node === node && (seesAll || ownsTask(task, identity)) && matchesFilters(task, args),
  );
  const active = source === 'archive' ? [] : here.filter(({ end }) => !end).map(activeRow);
  const ended = here.filter(({ end }) => end);
  ended.sort((a, b) => (b.end?.at ?? 0) - (a.end?.at ?? 0) || here.indexOf(b) - here.indexOf(a));
  const archived = source === 'active' ? [] : ended.map(archivedRow);
  const rows = [...active.toReversed(), ...archived];
  const start = args.number('start') ?? 0;
  return new Page(rows.slice(start, start + (args.number('limit') ?? 50)), rows.length);
}

function matchesFilters({ parts, end }: TaskRecord, args: CallContext['args']): boolean {
  const status = end?.status ?? 'RUNNING';
  const kinds = splitList(args.text('statusfilter') ?? '');
  if (args.flag('errors') && (!end || kindOf(status) === 'ok' || kindOf(status) === 'warning')) return false;
  if (kinds.length > 0 && !kinds.includes(kindOf(status))) return false;
  if ((args.text('typefilter') ?? parts.type) !== parts.type) return false;
  if ((args.text('vmid') ?? parts.id) !== parts.id) return false;
  if (!parts.user.includes(args.text('userfilter') ?? '')) return false;
  if (parts.startTime < (args.number('since') ?? 0)) return false;
  return parts.startTime <= (args.number('until') ?? Infinity);
}

function kindOf(status: string): string {
  if (status === 'OK') return 'ok';
  if (status.startsWith('WARNINGS:')) return 'warning';
  return status === 'unexpected status' ? 'unknown' : 'error';
}

function archivedRow({ upid, parts, end }: TaskRecord): Record<string, unknown> {
  return { ...commonRow(upid, parts), ...splitUser(parts.user), endtime: end?.at, status: end?.status };
}

/** Running tasks are listed with the user as the task id has it. */
function activeRow({ upid, parts }: TaskRecord): Record<string, unknown> {
  return { ...commonRow(upid, parts), user: parts.user, status: 'RUNNING', saved: '0' };
}

function commonRow(upid: string, parts: TaskRecord['parts']): Record<string, unknown> {
  return {
    upid,
    node: parts.node,
    pid: parts.pid,
    pstart: parts.processStart,
    starttime: parts.startTime,
    type: parts.type,
    id: parts.id,
  };
}
