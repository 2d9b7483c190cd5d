/** An object as the server answers it; what is not used here is left unread. */
export interface ApiObject {
  apiVersion?: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { kind: string; name: string; uid: string; controller?: boolean }[];
    managedFields?: unknown;
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown> & { observedGeneration?: number; conditions?: ApiCondition[] };
}

export interface ApiCondition {
  type: string;
  status: 'True' | 'False' | 'Unknown';
  reason: string;
  message: string;
  observedGeneration?: number;
  lastTransitionTime?: string;
}

export interface ApiList {
  kind: string;
  metadata: { resourceVersion?: string; continue?: string };
  items: ApiObject[];
}

export interface TableColumn {
  name: string;
  type: string;
  priority: number;
}

export interface ApiTable {
  kind: 'Table';
  metadata: { resourceVersion?: string; continue?: string };
  columnDefinitions: TableColumn[];
  rows: { cells: unknown[]; object?: { metadata?: ApiObject['metadata'] } }[];
}

export function conditionOf(object: ApiObject, type: string): ApiCondition | undefined {
  return object.status?.conditions?.find((condition) => condition.type === type);
}

/** `service/web`: how an object is shown to people. */
export function shownName(object: ApiObject): string {
  return `${object.kind.toLowerCase()}/${object.metadata.name}`;
}
