import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { customResourceDefinition } from '../../crds/custom-resource-definition.ts';
import { allKinds } from '../../crds/kinds.ts';
import { SYSTEM_NAMESPACE } from '../../crds/meta.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(import.meta.dirname, 'kubernetes');

const Manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }).optional(),
});
const Rule = z.object({
  apiGroups: z.array(z.string()),
  resources: z.array(z.string()),
  resourceNames: z.array(z.string()).optional(),
  verbs: z.array(z.string()),
});
const Role = z.looseObject({ kind: z.enum(['ClusterRole', 'Role']), rules: z.array(Rule) });

function readManifests(text: string): z.output<typeof Manifest>[] {
  const documents = parseAllDocuments(text);
  expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
  return documents.map((document) => Manifest.parse(document.toJS()));
}

const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
const manifests = files
  .filter((file) => file !== 'kustomization.yaml')
  .flatMap((file) => readManifests(readFileSync(join(folder, file), 'utf8')));
const rules = manifests.flatMap((manifest) => Role.safeParse(manifest).data?.rules ?? []);

function verbsFor(group: string, resource: string): Set<string> {
  const granting = rules.filter(
    ({ apiGroups, resources }) => apiGroups.includes(group) && resources.includes(resource),
  );
  return new Set(granting.flatMap(({ verbs }) => verbs));
}

function one(kind: string): z.output<typeof Manifest> {
  const found = manifests.filter((manifest) => manifest.kind === kind);
  if (found.length !== 1 || !found[0]) throw new Error(`There are ${found.length} manifests of a ${kind}.`);
  return found[0];
}

describe('manifests/install/kubernetes', () => {
  it('names each of its files in the kustomization', () => {
    const { resources } = z
      .object({ resources: z.array(z.string()) })
      .parse(readManifests(readFileSync(join(folder, 'kustomization.yaml'), 'utf8'))[0]);
    expect(new Set(resources)).toEqual(
      new Set(['../../../crds', ...files.filter((file) => file !== 'kustomization.yaml')]),
    );
  });

  it.each(allKinds.map(({ plural }) => plural))(
    'lets the controller work with %s, and no more than it does',
    (plural) => {
      const whole = new Set(['get', 'list', 'watch', 'create', 'update', 'delete']);
      expect(verbsFor('containr.dev', plural)).toEqual(whole);
      expect(verbsFor('containr.dev', `${plural}/status`)).toEqual(new Set(['update']));
      expect(verbsFor('containr.dev', `${plural}/finalizers`)).toEqual(new Set(['update']));
    },
  );

  it('grants nothing by a star, nothing of Kubernetes but namespaces to make and one lease to hold', () => {
    expect(rules.flatMap((rule) => [...rule.apiGroups, ...rule.resources, ...rule.verbs])).not.toContain('*');
    const foreign = rules.filter(({ apiGroups }) => !apiGroups.includes('containr.dev'));
    expect(foreign.flatMap(({ resources, verbs }) => resources.map((name) => `${name}: ${verbs.join()}`))).toEqual([
      'namespaces: create',
      'leases: create',
      'leases: get,update',
    ]);
    expect(foreign.find(({ verbs }) => verbs.includes('update'))?.resourceNames).toEqual(['containr-controller']);
  });

  it('gives the rights to the account that the pod has, in the namespace of the installation', () => {
    const account = one('ServiceAccount');
    const subject = { kind: 'ServiceAccount', name: account.metadata?.name, namespace: SYSTEM_NAMESPACE };
    for (const kind of ['ClusterRoleBinding', 'RoleBinding'] as const) {
      expect(one(kind)).toMatchObject({ subjects: [subject] });
    }
    expect(one('Deployment')).toMatchObject({
      spec: { template: { spec: { serviceAccountName: account.metadata?.name } } },
    });
    const named = manifests.filter(({ kind }) => !['Namespace', 'ClusterRole', 'ClusterRoleBinding'].includes(kind));
    expect(new Set(named.map(({ metadata }) => metadata?.namespace))).toEqual(new Set([SYSTEM_NAMESPACE]));
    expect(one('Namespace').metadata?.name).toBe(SYSTEM_NAMESPACE);
  });

  it('runs the pod without a privilege, with probes and limits, one at a time on its volume', () => {
    expect(one('Deployment')).toMatchObject({
      spec: {
        replicas: 1,
        strategy: { type: 'Recreate' },
        template: {
          spec: {
            securityContext: { runAsNonRoot: true, runAsUser: 10_001, fsGroupChangePolicy: 'OnRootMismatch' },
            containers: [
              {
                args: ['server', '--store', 'kubernetes'],
                livenessProbe: { httpGet: { path: '/livez' } },
                readinessProbe: { httpGet: { path: '/readyz' } },
                resources: { requests: { memory: expect.any(String) }, limits: { memory: expect.any(String) } },
                securityContext: {
                  allowPrivilegeEscalation: false,
                  readOnlyRootFilesystem: true,
                  capabilities: { drop: ['ALL'] },
                },
              },
            ],
            volumes: [
              { persistentVolumeClaim: { claimName: one('PersistentVolumeClaim').metadata?.name } },
              { emptyDir: {} },
            ],
          },
        },
      },
    });
  });

  const hasKubectl = spawnSync('kubectl', ['version', '--client']).status === 0;
  it.skipIf(!hasKubectl)(
    `is rendered by kubectl with the definitions of all kinds${hasKubectl ? '' : ' (skipped: there is no kubectl here)'}`,
    () => {
      const rendered = spawnSync('kubectl', ['kustomize', folder], { encoding: 'utf8', maxBuffer: 2 ** 26 });
      expect(rendered.stderr).toBe('');
      const objects = readManifests(rendered.stdout);
      const definitions = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
      const byName = (name: string) => definitions.find(({ metadata }) => metadata?.name === name);
      for (const kind of allKinds) {
        expect(byName(`${kind.plural}.containr.dev`)).toEqual(
          JSON.parse(JSON.stringify(customResourceDefinition(kind))),
        );
      }
      expect(definitions).toHaveLength(allKinds.length);
      expect(objects).toHaveLength(allKinds.length + manifests.length);
    },
  );
});

describe('manifests/install/Dockerfile', () => {
  const lines = readFileSync(join(import.meta.dirname, 'Dockerfile'), 'utf8').split('\n');

  it('takes from the tree only what is there or what the build makes', () => {
    const copied = lines
      .filter((line) => line.startsWith('COPY '))
      .flatMap((line) => line.split(' ').slice(1, -1))
      .filter((word) => !word.startsWith('--'))
      .map((path) => path.replace('/opt/containr/', ''));
    expect(copied.length).toBeGreaterThan(5);
    for (const path of copied.filter((name) => name !== 'dist'))
      expect([path, existsSync(join(root, path))]).toEqual([path, true]);
  });

  it('ends as a user that is not root, on the Node.js that the project needs', () => {
    expect(lines.findLast((line) => line.startsWith('USER '))).toBe('USER 10001:10001');
    const images = lines.filter((line) => line.startsWith('FROM ')).map((line) => line.split(' ')[1]);
    expect(new Set(images)).toEqual(new Set(['node:24-trixie-slim']));
  });
});
