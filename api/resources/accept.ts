import { Refused } from '../status.ts';

/** In which form an answer is wanted. */
export interface Accepted {
  as: 'object' | 'table' | 'metadata';
  format: 'json' | 'yaml';
}

/** The first form in an Accept header that can be given; JSON objects when nothing is asked for. Refuses if there is none. */
export function acceptedForm(header: string | undefined): Accepted {
  for (const entry of (header ?? '*/*').split(',')) {
    const form = formOf(entry);
    if (form) return form;
  }
  throw new Refused(
    'NotAcceptable',
    'Answers are application/json (also as Table or PartialObjectMetadata) or application/yaml.',
  );
}

function formOf(entry: string): Accepted | undefined {
  const [type = '', ...rest] = entry.split(';').map((part) => part.trim().toLowerCase());
  const parameters = new Map(rest.map((part) => [part.split('=', 1)[0] ?? '', part.slice(part.indexOf('=') + 1)]));
  if (parameters.get('q') === '0') return undefined;
  if (type === 'application/yaml' && !parameters.has('as')) return { as: 'object', format: 'yaml' };
  if (!['application/json', 'application/*', '*/*', ''].includes(type)) return undefined;
  const as = parameters.get('as');
  if (as === undefined) return { as: 'object', format: 'json' };
  if (parameters.get('g') !== 'meta.k8s.io' || parameters.get('v') !== 'v1') return undefined;
  if (as === 'table') return { as: 'table', format: 'json' };
  return as === 'partialobjectmetadata' || as === 'partialobjectmetadatalist'
    ? { as: 'metadata', format: 'json' }
    : undefined;
}
