import type { ApiClient } from './client.ts';

/** Who the server takes the asker for. */
export interface OwnIdentity {
  user: string;
  isAdministrator: boolean;
  /** What the token may do: read, write or admin; undefined when the server does not say. */
  scope: string | undefined;
  expiresAt: string | undefined;
}

interface Review {
  status: { userInfo: { username: string; groups?: string[]; extra?: Record<string, string[]> } };
}

/** Asks the server about the token that is shown to it. */
export async function ownIdentity(client: ApiClient): Promise<OwnIdentity> {
  const { status } = await client.request<Review>('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {});
  const { username, groups = [], extra = {} } = status.userInfo;
  return {
    user: username,
    isAdministrator: groups.includes('containr.dev:administrators'),
    scope: extra['containr.dev/scope']?.[0],
    expiresAt: extra['containr.dev/expires-at']?.[0],
  };
}
