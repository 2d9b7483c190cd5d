import { Page, TextAnswer } from '../api/call.ts';
import type { Refusal } from '../refusal.ts';

/** What goes back over the wire. */
export interface Answer {
  status: number;
  /** Text of the status line; only its first line is sent. */
  text: string;
  headers: Record<string, string>;
  body: string;
}

/** How answers are written: `json` says errors with the HTTP status, `extjs` inside of a 200. */
export type Formatter = 'json' | 'extjs';

const jsonHeaders = { 'Content-Type': 'application/json;charset=UTF-8' };

/** Wraps what a handler returned. */
export function formatResult(result: unknown, formatter: Formatter): Answer {
  if (result instanceof TextAnswer) {
    const headers = {
      'Content-Type': 'text/plain',
      'Content-Disposition': `attachment; filename="${result.fileName}"`,
    };
    return { status: 200, text: 'OK', headers, body: result.text };
  }
  const envelope: Record<string, unknown> = result instanceof Page ? pageOf(result) : { data: result ?? null };
  if (formatter === 'extjs') envelope['success'] = 1;
  return { status: 200, text: 'OK', headers: { ...jsonHeaders }, body: JSON.stringify(envelope) };
}

/** Says in the API's form why a call was refused. */
export function formatRefusal(refusal: Refusal, formatter: Formatter): Answer {
  const { status, message, errors } = refusal;
  const newline = status === 501 ? '' : '\n';
  const envelope: Record<string, unknown> = { data: null, message: `${message}${newline}` };
  if (errors) envelope['errors'] = errors;
  if (formatter === 'extjs') {
    const body = JSON.stringify({ ...envelope, success: 0, status });
    return { status: 200, text: 'OK', headers: { ...jsonHeaders }, body };
  }
  return { status, text: message, headers: { ...jsonHeaders }, body: JSON.stringify(envelope) };
}

/** An answer that comes from the server itself, before any formatter. */
export function plainAnswer(status: number, text: string, body = ''): Answer {
  return { status, text, headers: {}, body };
}

function pageOf({ items, total }: Page): Record<string, unknown> {
  return total > 0 ? { data: items, total } : { data: items };
}
