import { Secret } from '../../../crds/secret.ts';
import type { Database } from '../../../crds/database.ts';
import { isFault } from '../../../controller/errors.ts';
import type { Identity } from '../../../controller/access/token-store.ts';
import type { RestDeps } from '../rest-deps.ts';

// The one place of the REST API where the value of a Secret is opened, and the rule of who may have it. Keep both together.

/** Tells the URL of a database with its password; undefined for whoever may not have it, and while there is none. */
export type TellConnectionUrl = (database: Database) => Promise<string | undefined>;

/**
 * For somebody who asks: those who may write to the Secrets of the project, which is developers and above. A token that may
 * only read gets none, for whoever has the password can write to the database.
 */
export async function connectionUrls(
  { store, secrets, authorizer }: Pick<RestDeps, 'store' | 'secrets' | 'authorizer'>,
  identity: Identity,
): Promise<TellConnectionUrl> {
  if (identity.scope === 'read') return async () => undefined;
  const projects = await authorizer.visibility(identity, { verb: 'list', kind: Secret.kind });

  return async (database) => {
    const { namespace = '' } = database.metadata;
    const name = database.status.credentialsSecretRef?.name;
    if (name === undefined || !projects.sees(database)) return undefined;
    const sealed = (await store.get(Secret, { namespace, name }))?.spec.data['url'];
    if (sealed === undefined) return undefined;
    try {
      return secrets.open({ namespace, name, key: 'url' }, sealed);
    } catch (error) {
      // The loop of the database says so in its conditions; here there is just nothing to show.
      if (isFault(error, 'Denied')) return undefined;
      throw error;
    }
  };
}
