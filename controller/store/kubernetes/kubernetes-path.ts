import type { Kind } from '../../../crds/define-kind.ts';
import { API_VERSION } from '../../../crds/meta.ts';
import { DnsLabel, ObjectName } from '../../../crds/names.ts';
import type { FieldDemand, FieldSelector, LabelSelector } from '../selector.ts';
import type { ObjectKey } from '../store.ts';

type Addressed = Pick<Kind, 'plural'>;

/** Where the objects of a kind are: of a namespace, or all. */
export function collectionPath({ plural }: Addressed, namespace: string | undefined): string {
  return `/apis/${API_VERSION}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`;
}

/** Where an object is; undefined for what can be the name of none, which as an address would lead elsewhere. */
export function objectPath(kind: Addressed, { namespace, name }: ObjectKey): string | undefined {
  if (!ObjectName.safeParse(name).success || !isNamespace(namespace)) return undefined;
  return `${collectionPath(kind, namespace)}/${name}`;
}

/** Whether there can be such a namespace; none is one too. */
export function isNamespace(namespace: string | undefined): boolean {
  return namespace === undefined || DnsLabel.safeParse(namespace).success;
}

/** A selector as the API server reads it; undefined for one that demands nothing. */
export function labelQuery(selector: LabelSelector): string | undefined {
  const demands = selector.map(({ key, operator, values }) => {
    switch (operator) {
      case 'In':
        return `${key} in (${values.join(',')})`;
      case 'NotIn':
        return `${key} notin (${values.join(',')})`;
      case 'Exists':
        return key;
      case 'DoesNotExist':
        return `!${key}`;
      default:
        return operator satisfies never;
    }
  });
  return demands.length === 0 ? undefined : demands.join(',');
}

/** What of a selector the API server can look at itself: for custom resources, name and namespace. */
export function fieldQuery(selector: FieldSelector): string | undefined {
  const demands = selector.filter(isServed).map(({ path, operator, value }) => `${path}${operator}${value}`);
  return demands.length === 0 ? undefined : demands.join(',');
}

/** What is left to look at here. */
export function unservedFields(selector: FieldSelector): FieldSelector {
  return selector.filter((demand) => !isServed(demand));
}

function isServed({ path, value }: FieldDemand): boolean {
  return (path === 'metadata.name' || path === 'metadata.namespace') && /^[a-z0-9.-]*$/.test(value);
}
