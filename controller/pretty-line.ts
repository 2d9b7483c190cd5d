import { z } from 'zod';

const LogRecord = z.looseObject({
  level: z.string(),
  time: z.string(),
  msg: z.string().default(''),
  kind: z.string().optional(),
  namespace: z.string().optional(),
  name: z.string().optional(),
  err: z.object({ message: z.string(), stack: z.string().optional() }).optional(),
});

/** A log line for a terminal: time, level, object, message, the rest as key=value, and the stack of what went wrong. */
export function prettyLine(json: string): string {
  const record = LogRecord.safeParse(parsed(json));
  if (!record.success) return json;
  const { level, time, msg, kind, namespace, name, err, reconcileId: _, ...rest } = record.data;
  const object = [kind, namespace === undefined ? name : `${namespace}/${name ?? ''}`].filter(
    (part) => part !== undefined,
  );
  const details = Object.entries(rest).map(
    ([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const head = [time.slice(11, 19), level.toUpperCase().padEnd(5), object.join(' '), msg, ...details];
  const line = head
    .filter((part) => part !== '')
    .join(' ')
    .replaceAll(CONTROL, shown);
  if (!err) return line;
  if (level !== 'error' && level !== 'fatal') return `${line} (${err.message.replaceAll(CONTROL, shown)})`;
  const stack = (err.stack ?? err.message).split('\n').map((one) => `  ${one.replaceAll(CONTROL, shown)}`);
  return [line, ...stack].join('\n');
}

/** What would move the cursor, change colours or begin another line. */
const CONTROL = /\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** As JSON writes it: what somebody else chose cannot pass for a line of ours. */
function shown(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
