import { describe, expect, it } from 'vitest';
import { DatabaseEngine } from '../../../crds/database.ts';
import { API_VERSION } from '../../../crds/meta.ts';
import { describeProblems, validateManifest } from '../../../crds/validate.ts';
import { chooseValues } from './choose-values.ts';
import { catalogueFolder, loadCatalogue, readTemplate } from './load-catalogue.ts';
import { renderService } from './render-service.ts';
import type { Template } from './template.ts';
import type { TemplateVariable } from './template-variable.ts';

const catalogue = await loadCatalogue(catalogueFolder());

const examples: Readonly<Record<TemplateVariable['type'], string>> = {
  string: 'example.com',
  integer: '5',
  boolean: 'true',
  url: 'https://example.com',
  email: 'me@example.com',
  database: 'main',
};

function requiredOnly({ variables }: Template): Map<string, string> {
  return exampleValues(variables.filter(({ required }) => required));
}

function exampleValues(variables: readonly TemplateVariable[]): Map<string, string> {
  return new Map(variables.map(({ key, type, secret }) => [key, secret ? `${key}-of-somebody` : examples[type]]));
}

function problemsOf(kind: string, spec: object): string {
  const read = validateManifest({ apiVersion: API_VERSION, kind, metadata: { name: 'trial' }, spec });
  return read.ok ? '' : describeProblems(read.problems);
}

describe('the catalogue', () => {
  it('has every database engine, and far more than thirty services', () => {
    const engines = catalogue.flatMap(({ database }) => database?.engine ?? []);
    expect(engines.toSorted()).toEqual(DatabaseEngine.options.toSorted());
    expect(catalogue.filter(({ service }) => service).length).toBeGreaterThan(34);
  });

  it('calls no two templates the same', () => {
    expect(new Set(catalogue.map(({ id }) => id)).size).toBe(catalogue.length);
    expect(new Set(catalogue.map(({ name }) => name)).size).toBe(catalogue.length);
  });

  it('has a starter for each way of building', () => {
    const builders = catalogue.flatMap(({ service }) => service?.git?.builder ?? []);
    expect(new Set(builders)).toEqual(new Set(['auto', 'dockerfile']));
  });

  it.each(catalogue.map((template) => [template.id, template] as const))(
    '%s makes a valid manifest of what has to be given alone',
    (_id, template) => {
      const { service, database, variables } = template;
      if (database) {
        expect(problemsOf('Database', { displayName: template.name, engine: database.engine })).toBe('');
        return;
      }
      const chosen = chooseValues(variables, requiredOnly(template));
      if (!service || !chosen.ok) throw new Error(`${template.id} cannot be rendered: ${JSON.stringify(chosen)}`);
      const rendered = renderService(service, {
        displayName: template.name,
        secretName: 'trial-env',
        variables,
        values: chosen.values,
      });
      expect(problemsOf('Service', rendered.spec)).toBe('');
      const text = JSON.stringify(rendered.spec);
      expect(text).not.toContain('${');
      for (const { key, secret } of variables) {
        const value = chosen.values.get(key);
        if (!secret || value === undefined) continue;
        expect(text).not.toContain(value);
        expect(Object.values(rendered.secrets)).toContain(value);
      }
    },
  );

  it('makes a valid manifest of everything that can be given', () => {
    for (const { id, name, service, variables } of catalogue) {
      const chosen = chooseValues(variables, exampleValues(variables));
      expect(chosen, id).toMatchObject({ ok: true });
      if (!service || !chosen.ok) continue;
      const options = { displayName: name, secretName: 'trial-env', variables, values: chosen.values };
      const { spec } = renderService(service, { ...options, region: 'attic' });
      expect(problemsOf('Service', spec), id).toBe('');
      expect(spec).toHaveProperty('env.length', Object.keys(service.env).length);
    }
  });

  it('gives everybody secrets of their own', () => {
    for (const template of catalogue) {
      const [one, other] = [1, 2].map(() => chooseValues(template.variables, requiredOnly(template)));
      for (const { key, secret } of template.variables.filter((variable) => variable.secret)) {
        expect(secret && one?.ok && other?.ok && one.values.get(key) !== other.values.get(key), key).toBe(true);
      }
    }
  });

  it('has no secret that is written down', () => {
    const looksSecret = /PASSWORD|SECRET|TOKEN|_KEY$|PASS$/;
    for (const { id, service } of catalogue) {
      for (const [name, text] of Object.entries(service?.env ?? {})) {
        if (looksSecret.test(name.toUpperCase())) expect(text, `${id}: ${name}`).toMatch(/^\$\{[A-Z_]+(\.[a-z]+)?\}$/);
      }
    }
  });
});

describe('readTemplate', () => {
  const text = (fields: object): string =>
    JSON.stringify({
      id: 'app',
      name: 'App',
      description: 'An app.',
      category: 'utilities',
      service: { image: 'owner/app:1', port: 80, resources: { cpu: '1', memory: '1Gi', storage: '1Gi' } },
      ...fields,
    });
  const service = { image: 'owner/app:1', port: 80, resources: { cpu: '1', memory: '1Gi', storage: '1Gi' } };
  const variable = { key: 'SECRET', label: 'Secret', description: 'A secret.' };
  const used = { ...service, env: { SECRET: '${SECRET}' } };

  it.each<[string, object, string]>([
    ['names an unknown field', { servce: {} }, 'servce'],
    ['wants the file to be called like the template', { id: 'other' }, 'id must be app'],
    ['wants a service or a database', { service: undefined }, 'must have exactly one of service and database'],
    ['wants a version', { service: { ...service, image: 'owner/app:latest' } }, 'service.image must name a version'],
    ['wants a version behind a registry too', { service: { ...service, image: 'lan:5000/app' } }, 'service.image must'],
    ['names a reference to nothing', { service: { ...service, env: { A: '${B}' } } }, 'service.env.A refers to B'],
    ['names a malformed reference', { service: { ...service, env: { A: '${b}' } } }, 'service.env.A has a reference'],
    ['names a variable that is used nowhere', { variables: [variable] }, 'variables.0.key is used nowhere'],
    [
      'wants no usual secret',
      { service: used, variables: [{ ...variable, secret: true, default: 'x' }] },
      'variables.0.default must not be set',
    ],
    [
      'wants a default of the type',
      { service: used, variables: [{ ...variable, type: 'url', default: 'x' }] },
      'variables.0.default must be an address',
    ],
    [
      'wants engines for a database',
      { service: used, variables: [{ ...variable, type: 'database' }] },
      'variables.0.engines belong to the type database',
    ],
    [
      'wants to know which part of a database',
      { service: used, variables: [{ ...variable, type: 'database', engines: ['redis'] }] },
      'service.env.SECRET must refer to SECRET with one of',
    ],
  ])('%s', (_name, fields, message) => {
    expect(() => readTemplate('app.yaml', text(fields))).toThrow(message);
    expect(() => readTemplate('app.yaml', text(fields))).toThrow('The template app.yaml is not valid');
  });

  it('names the file that is no YAML', () => {
    expect(() => readTemplate('app.yaml', 'a: [')).toThrow('The template app.yaml is no YAML');
  });

  it('takes what is right', () => {
    expect(readTemplate('app.yaml', text({})).service).toMatchObject({ type: 'web', portName: 'http' });
  });
});
