import { jsonSchemaOf } from './json-schema.ts';
import type { AnyKind } from './kinds.ts';
import { GROUP, VERSION } from './meta.ts';
import { Service } from './service.ts';
import { structuralSchema, type StructuralSchema } from './structural-schema.ts';

/** What `kubectl scale` and autoscalers set and read of a Service. Its guests are no pods, so there is no selector of them. */
const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas.ready' };

/** The CustomResourceDefinition (apiextensions.k8s.io/v1) that lets a Kubernetes API server keep objects of `kind`. */
export function customResourceDefinition(kind: AnyKind): object {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope: kind.scope,
      names: {
        kind: kind.kind,
        listKind: `${kind.kind}List`,
        plural: kind.plural,
        singular: kind.singular,
        ...(kind.shortNames.length > 0 && { shortNames: kind.shortNames }),
        categories: ['containr'],
      },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          additionalPrinterColumns: kind.columns,
          subresources: { status: {}, ...(kind.kind === Service.kind && { scale }) },
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  };
}

/** The schema of whole objects of `kind`, in the form of Kubernetes. */
export function objectSchema(kind: AnyKind): StructuralSchema {
  const spec = structuralSchema(jsonSchemaOf(kind, 'spec'), kind.kind, ['spec']);
  const status = structuralSchema(jsonSchemaOf(kind, 'status'), kind.kind, ['status']);
  const demands = (spec.required ?? []).length > 0;
  return {
    type: 'object',
    description: kind.description,
    ...(demands && { required: ['spec'] }),
    properties: {
      apiVersion: { type: 'string', description: `Always ${GROUP}/${VERSION}.` },
      kind: { type: 'string', description: `Always ${kind.kind}.` },
      metadata: { type: 'object' },
      spec: { ...spec, description: 'What is wanted.', ...(!demands && { default: {} }) },
      status: { ...status, description: 'What is. Written by the controller.' },
    },
  };
}
