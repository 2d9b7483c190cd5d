import type { Resource } from '../../crds/define-kind.ts';
import type { AnyKind } from '../../crds/kinds.ts';
import { API_VERSION } from '../../crds/meta.ts';
import type { Accepted } from './accept.ts';
import { publicView } from './public-view.ts';
import { metadataOnly, tableOf, type IncludeObject } from './table.ts';

/** In which form to answer, and what a table needs to know besides. */
export interface AnswerForm {
  as: Accepted['as'];
  include: IncludeObject;
  now: Date;
}

/** One object in the form that is wanted, without what nobody may see. */
export function objectAnswer(kind: AnyKind, object: Resource, { as, include, now }: AnswerForm): object {
  const shown = publicView(object);
  switch (as) {
    case 'object':
      return shown;
    case 'metadata':
      return metadataOnly(shown);
    case 'table':
      return tableOf(kind, [shown], { metadata: { resourceVersion: shown.metadata.resourceVersion }, include, now });
    default:
      return as satisfies never;
  }
}

/** A list in the form that is wanted, without what nobody may see. */
export function listAnswer(
  kind: AnyKind,
  objects: readonly Resource[],
  metadata: object,
  { as, include, now }: AnswerForm,
): object {
  const items = objects.map(publicView);
  switch (as) {
    case 'object':
      return { apiVersion: API_VERSION, kind: `${kind.kind}List`, metadata, items };
    case 'metadata':
      return {
        apiVersion: 'meta.k8s.io/v1',
        kind: 'PartialObjectMetadataList',
        metadata,
        items: items.map(metadataOnly),
      };
    case 'table':
      return tableOf(kind, items, { metadata, include, now });
    default:
      return as satisfies never;
  }
}
