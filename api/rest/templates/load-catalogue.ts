import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parseDocument } from 'yaml';
import { problemText } from '../../../crds/problem-text.ts';
import { Fault } from '../../../controller/errors.ts';
import { Template } from './template.ts';

/** Where the catalogue lies beside the sources; a release may have it one folder further up. */
export function catalogueFolder(): string {
  const beside = join(import.meta.dirname, '..', '..', '..', 'manifests', 'templates');
  return existsSync(beside) ? beside : join(import.meta.dirname, '..', '..', '..', '..', 'manifests', 'templates');
}

/** Reads the templates of a folder, a file each, by name. Throws Invalid that names the file and the field which is wrong. */
export async function loadCatalogue(folder: string): Promise<Template[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml')).toSorted();
  const templates = await Promise.all(
    files.map(async (file) => readTemplate(file, await readFile(join(folder, file), 'utf8'))),
  );
  return templates.toSorted((one, other) => one.name.localeCompare(other.name, 'en'));
}

/** Reads one template, which is called like its file. Throws Invalid. */
export function readTemplate(file: string, text: string): Template {
  const document = parseDocument(text);
  const [broken] = document.errors;
  if (broken) throw new Fault('Invalid', `The template ${file} is no YAML: ${broken.message}`);
  const read = Template.safeParse(document.toJS(), { error: problemText });
  if (!read.success) {
    const sentences = read.error.issues.map(({ path, message, ...issue }) => {
      const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
      return `${[...path, ...keys].map(String).join('.')} ${message}`.trim();
    });
    throw new Fault('Invalid', `The template ${file} is not valid: ${sentences.join('; ')}.`);
  }
  if (`${read.data.id}.yaml` !== basename(file)) {
    throw new Fault(
      'Invalid',
      `The template ${file} is not valid: id must be ${basename(file, '.yaml')}, as its file is called.`,
    );
  }
  return read.data;
}
