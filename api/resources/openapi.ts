import { createHash } from 'node:crypto';
import { objectSchema } from '../../crds/custom-resource-definition.ts';
import { allKinds, type AnyKind } from '../../crds/kinds.ts';
import { API_VERSION, GROUP, VERSION } from '../../crds/meta.ts';

const path = `apis/${API_VERSION}`;
const metadataName = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

/** `GET /openapi/v3/apis/containr.dev/v1alpha1`: what `explain` and validation read. */
export function openApiDocument(): object {
  return (document ??= buildDocument());
}

let document: object | undefined;

/** `GET /openapi/v3`: where the documents are. The digest lets clients keep them. */
export function openApiIndex(): object {
  const digest = createHash('sha256')
    .update(JSON.stringify(openApiDocument()))
    .digest('hex')
    .slice(0, 32)
    .toUpperCase();
  return { paths: { [path]: { serverRelativeURL: `/openapi/v3/${path}?hash=${digest}` } } };
}

function buildDocument(): object {
  return {
    openapi: '3.0.0',
    info: { title: 'Containr', version: VERSION },
    paths: Object.fromEntries(allKinds.flatMap(pathsOf)),
    components: {
      schemas: {
        [metadataName]: metadataSchema,
        ...Object.fromEntries(allKinds.map((kind) => [schemaName(kind), schemaOf(kind)])),
      },
    },
  };
}

function schemaName({ kind }: AnyKind): string {
  return `${GROUP.split('.').toReversed().join('.')}.${VERSION}.${kind}`;
}

function schemaOf(kind: AnyKind): object {
  const schema = objectSchema(kind);
  return {
    ...schema,
    properties: {
      ...schema.properties,
      metadata: { allOf: [{ $ref: `#/components/schemas/${metadataName}` }], default: {} },
    },
    'x-kubernetes-group-version-kind': [{ group: GROUP, version: VERSION, kind: kind.kind }],
  };
}

function pathsOf(kind: AnyKind): [string, object][] {
  const collection =
    kind.scope === 'Namespaced' ? `/${path}/namespaces/{namespace}/${kind.plural}` : `/${path}/${kind.plural}`;
  const body = { $ref: `#/components/schemas/${schemaName(kind)}` };
  const answers = { responses: { 200: { description: 'OK', content: { 'application/json': { schema: body } } } } };
  const operation = (action: string) => ({
    ...answers,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group: GROUP, version: VERSION, kind: kind.kind },
  });
  const writing = { parameters: writeParameters };
  const content = (...types: string[]) => ({
    requestBody: { content: Object.fromEntries(types.map((type) => [type, { schema: body }])) },
  });
  return [
    [
      collection,
      {
        get: operation('list'),
        post: { ...operation('post'), ...writing, ...content('application/json', 'application/yaml') },
        delete: operation('deletecollection'),
      },
    ],
    [
      `${collection}/{name}`,
      {
        get: operation('get'),
        put: { ...operation('put'), ...writing, ...content('application/json', 'application/yaml') },
        patch: {
          ...operation('patch'),
          parameters: [...writeParameters, queryParameter('force', 'boolean', 'Takes fields from other managers.')],
          ...content('application/merge-patch+json', 'application/json-patch+json', 'application/apply-patch+yaml'),
        },
        delete: operation('delete'),
      },
    ],
  ];
}

function queryParameter(name: string, type: string, description: string): object {
  return { name, in: 'query', description, schema: { type, uniqueItems: true } };
}

const writeParameters = [
  queryParameter('dryRun', 'string', 'With All nothing is written; the answer is what would be.'),
  queryParameter('fieldManager', 'string', 'The name that the written fields are recorded under.'),
  queryParameter('fieldValidation', 'string', 'Taken for compatibility: unknown fields are always refused.'),
];

const text = { type: 'string' };
const metadataSchema = {
  type: 'object',
  description: 'What every object has: its name, its labels, and what the server keeps about it.',
  properties: {
    name: { ...text, description: 'Name, unique among the objects of the kind in the project.' },
    namespace: { ...text, description: 'The project.' },
    labels: { type: 'object', additionalProperties: text, description: 'Short words to select objects by.' },
    annotations: { type: 'object', additionalProperties: text, description: 'Notes of people and tools.' },
    finalizers: { type: 'array', items: text, description: 'What has to be cleaned up before the object goes.' },
    ownerReferences: { type: 'array', items: { type: 'object' }, description: 'Objects that this one goes with.' },
    uid: { ...text, description: 'Tells apart objects that had the same name one after the other.' },
    resourceVersion: { ...text, description: 'Moves with every change.' },
    generation: { type: 'integer', description: 'Moves with the spec.' },
    creationTimestamp: { ...text, description: 'When the object was made.' },
    deletionTimestamp: { ...text, description: 'When its deletion was asked for.' },
    managedFields: { type: 'array', items: { type: 'object' }, description: 'Who wrote which fields.' },
  },
};
