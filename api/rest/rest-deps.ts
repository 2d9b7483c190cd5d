import type { Hono, MiddlewareHandler } from 'hono';
import type { AuditLog } from '../../controller/access/audit-log.ts';
import type { LogStore } from '../../controller/logs.ts';
import type { SecretBox } from '../../controller/secrets/secret-box.ts';
import type { AccountServices } from '../../controller/access/account-services.ts';
import type { LoginLimits } from '../auth/login-limits.ts';
import type { ApiEnv } from '../context.ts';
import type { ResourceDeps } from '../resources/deps.ts';

/** Where a tag mounts its operations, with paths as the contract writes them: `/projects/:id`. */
export type RestApp = Hono<ApiEnv>;

/** Turns the users that objects name into the ids that the contract shows. */
export interface UserDirectory {
  /** Undefined for somebody who is no longer there. */
  idOf(user: string): Promise<string | undefined>;
}

/** How the installation set the REST API up. */
export interface RestSettings {
  /** Origins whose pages may call the API from a browser; none. */
  corsOrigins: readonly string[];
  /** The folder below which a build may take a `source_path`; without one there are none. */
  buildRoot: string | undefined;
}

/** What the operations of the contract work with: the same store and the same rules as the resource API. */
export interface RestDeps extends ResourceDeps {
  logs: LogStore;
  audit: AuditLog;
  secrets: SecretBox;
  users: UserDirectory;
  access: AccountServices;
  limits: LoginLimits;
  /** Demands a token; for what takes one without needing it. */
  authenticated: MiddlewareHandler<ApiEnv>;
  settings: RestSettings;
  /** Version of the program, such as `0.1.0`. */
  version: string;
}
