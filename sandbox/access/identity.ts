/** Who calls. */
export interface Identity {
  /** `user@realm` or `user@realm!token`; owner of the tasks it starts. */
  id: string;
  user: string;
  token: string | undefined;
}

/** Takes an id such as `root@pam!full` apart. */
export function readIdentity(id: string): Identity {
  const [user = id, token] = id.split('!');
  return { id, user, token };
}

/** True for root@pam itself: no token ever is. */
export function isRoot(identity: Identity): boolean {
  return identity.id === 'root@pam';
}
