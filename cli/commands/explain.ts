import { allKinds, findKind, type AnyKind } from '../../crds/kinds.ts';
import { API_VERSION } from '../../crds/meta.ts';
import { nearest } from '../../crds/nearest.ts';
import { fieldsOf, type Field } from '../../crds/reference.ts';
import { CliError } from '../exit.ts';
import type { Say } from '../text.ts';

const WIDTH = 100;

/** Says what a kind or a field is for, its type and default, and what is in it. Works without a server. */
export function explain(path: string, { recursive = false }: { recursive?: boolean }, say: Say): void {
  const [kindName = '', ...steps] = path.replaceAll(/\[[^\]]*\]/g, '').split('.');
  const kind = findKind(kindName);
  if (!kind) {
    const names = allKinds.map(({ plural }) => plural).join(', ');
    throw new CliError('usage', `There is no kind "${kindName}". Kinds: ${names}.`);
  }
  const all = everyField(kind);
  const field = steps.length === 0 ? undefined : fieldAt(all, kind, steps.join('.'));
  say(`KIND:     ${kind.kind}`);
  say(`VERSION:  ${API_VERSION}`);
  say('');
  if (field) {
    say(`FIELD:    ${plainPath(field)} <${typeOf(field)}>`);
    say('');
  }
  say('DESCRIPTION:');
  for (const line of wrapped(field ? (field.text ?? 'This field says by its name what it is.') : kind.description))
    say(`    ${line}`);
  const parent = field ? plainPath(field) : '';
  const below = all.filter((one) => isBelow(plainPath(one), parent, recursive));
  if (below.length === 0) return;
  say('');
  say('FIELDS:');
  for (const one of below) {
    const depth = plainPath(one).split('.').length - (parent === '' ? 1 : parent.split('.').length + 1);
    const indent = '  '.repeat(2 + depth);
    say(`${indent}${plainPath(one).split('.').at(-1)} <${typeOf(one)}>`);
    if (!recursive) for (const line of wrapped(one.text ?? '')) say(`${indent}  ${line}`);
  }
}

function everyField(kind: AnyKind): Field[] {
  const part = (path: 'spec' | 'status', text: string): Field[] => {
    const inner = fieldsOf(kind, path);
    const field = { path, type: 'object', default: undefined, required: false, text };
    return inner.length === 0 ? [] : [field, ...inner];
  };
  const metadata = (name: string, type: string, text: string): Field => {
    return { path: name === '' ? 'metadata' : `metadata.${name}`, type, default: undefined, required: false, text };
  };
  return [
    metadata('', 'object', 'What an object is called and labelled with.'),
    metadata('name', 'text', 'Its name, of small letters, digits and "-".'),
    ...(kind.scope === 'Namespaced' ? [metadata('namespace', 'text', 'The project that it is in.')] : []),
    metadata('labels', 'map of text', 'What it can be selected by.'),
    metadata('annotations', 'map of text', 'Notes for people and tools.'),
    ...part('spec', 'What is wanted.'),
    ...part('status', 'What is. Written by the controller.'),
  ];
}

function fieldAt(all: readonly Field[], kind: AnyKind, path: string): Field {
  const found = all.find((field) => plainPath(field) === path);
  if (found) return found;
  const parent = path.split('.').slice(0, -1).join('.');
  const inner = all.filter((field) => isBelow(plainPath(field), parent, false));
  const names = inner.map((field) => plainPath(field).split('.').at(-1) ?? '');
  const meant = nearest(path.split('.').at(-1) ?? '', names);
  const hint = meant === undefined ? '' : ` Did you mean "${parent === '' ? '' : `${parent}.`}${meant}"?`;
  throw new CliError('notFound', `A ${kind.kind} has no field "${path}".${hint}`);
}

function isBelow(path: string, parent: string, deep: boolean): boolean {
  if (parent !== '' && !path.startsWith(`${parent}.`)) return false;
  const rest = parent === '' ? path : path.slice(parent.length + 1);
  return deep || !rest.includes('.');
}

/** `spec.ports[].name` as people write it: `spec.ports.name`. */
function plainPath({ path }: Field): string {
  return path.replaceAll('[]', '');
}

function typeOf({ type, default: standard, required, path }: Field): string {
  const shown = type.replaceAll('`', '');
  if (standard !== undefined) return `${shown}, default ${standard}`;
  return required && path.startsWith('spec') ? `${shown}, required` : shown;
}

function wrapped(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
