import { existsSync, writeFileSync } from 'node:fs';
import { Document, isMap, parseAllDocuments } from 'yaml';
import { CliError } from './exit.ts';
import { readLocalText } from './read-local-text.ts';

interface Place {
  namespace: string;
  name: string;
}

/** So that armored text stays as it is, line for line. */
const asWritten = { lineWidth: 0 };

/** A Secret with sealed values, as YAML. */
export function sealedManifest(namespace: string, name: string, sealed: ReadonlyMap<string, string>): string {
  return new Document({
    apiVersion: 'containr.dev/v1alpha1',
    kind: 'Secret',
    metadata: { name, namespace },
    spec: { sealed: Object.fromEntries(sealed) },
  }).toString(asWritten);
}

/**
 * Puts sealed values into the Secret of that name in a file, with comments and all other objects left as they are, or behind
 * them when it is not there yet. A key that stood in `data` as it is goes from there. Usage error for a file that is no YAML.
 */
export function mergeSealed(file: string, { namespace, name }: Place, sealed: ReadonlyMap<string, string>): void {
  const text = existsSync(file) ? readLocalText(file) : '';
  const documents = text.trim() === '' ? [] : [...parseAllDocuments(text)].filter((one) => one instanceof Document);
  const broken = documents.flatMap(({ errors }) => errors)[0];
  if (broken)
    throw new CliError('usage', `${file} is no YAML that can be changed: ${broken.message.split('\n', 1)[0]}`);
  const found = documents.find((document) => isSecret(document, { namespace, name }));
  if (!found) {
    const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    const divider = documents.length > 0 ? '---\n' : '';
    writeFileSync(file, `${before}${divider}${sealedManifest(namespace, name, sealed)}`);
    return;
  }
  for (const path of [['spec'], ['spec', 'sealed']])
    if (!isMap(found.getIn(path))) found.setIn(path, found.createNode({}));
  for (const [key, value] of sealed) found.setIn(['spec', 'sealed', key], value);
  const data = found.getIn(['spec', 'data']);
  if (isMap(data)) {
    for (const key of sealed.keys()) data.delete(key);
    if (data.items.length === 0) found.deleteIn(['spec', 'data']);
  }
  // What stands in front of a document, comments for the most part, is shown with it.
  const start = documents[documents.indexOf(found) - 1]?.range[2] ?? 0;
  writeFileSync(file, `${text.slice(0, start)}${found.toString(asWritten)}${text.slice(found.range[2])}`);
}

function isSecret(document: Document, { namespace, name }: Place): boolean {
  const stated = document.getIn(['metadata', 'namespace']) ?? namespace;
  return document.get('kind') === 'Secret' && document.getIn(['metadata', 'name']) === name && stated === namespace;
}
