import type { PrinterColumn, Resource } from '../../crds/define-kind.ts';
import { findByPath } from '../../crds/json-path.ts';
import type { AnyKind } from '../../crds/kinds.ts';
import { humanDuration } from './human-duration.ts';

/** How much of each object comes with its row. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

interface TableOptions {
  metadata: object;
  include: IncludeObject;
  now: Date;
}

/** A list as a `Table` of Kubernetes, by the printer columns of the kind: what kubectl and the CLI print. */
export function tableOf(kind: AnyKind, objects: readonly Resource[], { metadata, include, now }: TableOptions): object {
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: [
      { name: 'Name', type: 'string', format: 'name', description: 'Name of the object.', priority: 0 },
      ...kind.columns.map(({ name, type, priority = 0, description = '' }) => ({
        name,
        type,
        format: '',
        description,
        priority,
      })),
    ],
    rows: objects.map((object) => ({
      cells: [object.metadata.name, ...kind.columns.map((column) => cellOf(column, object, now))],
      object: rowObject(object, include),
    })),
  };
}

/** Only the metadata of an object, for clients that ask for no more. */
export function metadataOnly({ metadata }: Resource): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
}

function rowObject(object: Resource, include: IncludeObject): object | null {
  switch (include) {
    case 'None':
      return null;
    case 'Metadata':
      return metadataOnly(object);
    case 'Object':
      return object;
    default:
      return include satisfies never;
  }
}

function cellOf({ type, jsonPath }: PrinterColumn, object: Resource, now: Date): unknown {
  const found = findByPath(jsonPath, object) ?? [];
  const [first] = found;
  if (first === undefined) return null;
  switch (type) {
    case 'date': {
      const at = Date.parse(String(first));
      return Number.isNaN(at) ? null : humanDuration(now.getTime() - at);
    }
    case 'integer':
    case 'number':
    case 'boolean':
      return typeof first === 'object' ? null : first;
    case 'string':
      return found.map((value) => (typeof value === 'object' ? JSON.stringify(value) : String(value))).join(',');
    default:
      return type satisfies never;
  }
}
