import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';
import type { Identity } from '../controller/access/token-store.ts';

/** What middleware leaves for handlers. Over a socket the bindings are there; a test may call without them. */
export interface ApiEnv {
  Bindings: Partial<HttpBindings>;
  Variables: {
    requestId: string;
    /** Where the request came from; empty when that is unknown. */
    address: string;
    /** Set behind `authenticate` only. */
    identity: Identity;
    /** Whether the token that was shown is still valid. */
    tokenHolds: () => Promise<boolean>;
  };
}

export type ApiContext = Context<ApiEnv>;
