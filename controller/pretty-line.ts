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
  const line = head.filter((part) => part !== '').join(' ');
  if (!err) return line;
  return level === 'error' || level === 'fatal' ? `${line}\n${err.stack ?? err.message}` : `${line} (${err.message})`;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
