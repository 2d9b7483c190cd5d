import { Hono } from 'hono';
import type { Logger } from 'pino';
import type { Clock } from '../controller/clock.ts';
import type { AuditLog } from '../controller/access/audit-log.ts';
import type { LogStore } from '../controller/logs.ts';
import type { SecretBox } from '../controller/secrets/secret-box.ts';
import type { ResourceStore } from '../controller/store/store.ts';
import { artifactRoutes, type Artifacts } from './artifacts.ts';
import type { AccountServices } from '../controller/access/account-services.ts';
import { createUserDirectory } from './auth/user-directory.ts';
import { authenticate } from './auth/authenticate.ts';
import { createAuthorizer } from './auth/authorizer.ts';
import { createClientAddress } from './auth/client-address.ts';
import { LoginLimits } from './auth/login-limits.ts';
import { tokenRoutes } from './auth/token-routes.ts';
import type { TokenStore } from '../controller/access/token-store.ts';
import type { ApiContext, ApiEnv } from './context.ts';
import { installationRoutes, warnOfObserving, type Installation } from './installation.ts';
import { createReadLog } from './logs.ts';
import { probeRoutes, type ProbeSource } from './probe-routes.ts';
import { requestLog, safeHeaders } from './request-log.ts';
import { createAdmission } from './resources/admission.ts';
import { resourceRoutes } from './resources/routes.ts';
import type { RestSettings } from './rest/rest-deps.ts';
import { BASE } from './rest/base-path.ts';
import { restRoutes } from './rest/rest-routes.ts';
import { respondError } from './respond.ts';
import { sealingKeyRoutes } from './sealing-key.ts';
import { Refused } from './status.ts';
import { traefikRoutes } from './traefik.ts';
import { pushWebhooks } from './webhooks/push-webhooks.ts';

interface AppOptions {
  store: ResourceStore;
  logs: LogStore;
  audit: AuditLog;
  tokens: Pick<TokenStore, 'verify'>;
  secrets: SecretBox;
  /** The public key that values of Secrets are sealed for. */
  sealingKey(): Promise<string>;
  /** Version of the program, such as `0.1.0`. */
  version: string;
  clock: Clock;
  log: Pick<Logger, 'debug' | 'info' | 'error'>;
  probes?: ProbeSource | undefined;
  /** What Prometheus collects; without it there is no /metrics. */
  metricsText?: (() => Promise<string>) | undefined;
  /** Without it no archives are served. */
  artifacts?: Artifacts | undefined;
  /** Addresses or networks whose X-Forwarded-For is believed; none. */
  trustedProxies?: readonly string[] | undefined;
  /** Without it no origin is allowed, and builds take no path of this machine. */
  rest?: Partial<RestSettings> | undefined;
  access: AccountServices;
  /** Without it the installation never observes only. */
  installation?: Installation | undefined;
  /** Ends watches and followed logs when it aborts, so that the server can stop. */
  closing?: AbortSignal | undefined;
}

/** The whole HTTP side of Containr. Handlers read and write the store and nothing else. */
export function createApp(options: AppOptions): Hono<ApiEnv> {
  const { store, logs, access, secrets, clock, log, closing = new AbortController().signal } = options;
  const clients = createClientAddress(options.trustedProxies);
  const authenticated = authenticate({ tokens: options.tokens, clock });
  const readLog = createReadLog({ store, logs, clock, closing });
  const resources = {
    store,
    authorizer: createAuthorizer(store),
    admit: createAdmission({ store, secrets }),
    clock,
    closing,
    readLog,
  };

  const installation = options.installation ?? { observing: () => undefined, resume: async () => false };
  const app = new Hono<ApiEnv>();
  app.use(safeHeaders(), requestLog({ log, clock, clients }), warnOfObserving(installation.observing));
  app.onError((error, context) =>
    respondError(context, error, (cause) =>
      log.error({ err: cause, requestId: context.get('requestId') }, 'A request failed unexpectedly.'),
    ),
  );
  app.notFound((context) => {
    throw new Refused('NotFound', `There is nothing at ${context.req.path}.`);
  });
  app.route('/', probeRoutes({ probes: options.probes, version: options.version, clients }));
  if (options.artifacts) app.route('/', artifactRoutes({ artifacts: options.artifacts, clock }));
  const { metricsText } = options;
  if (metricsText) {
    app.get('/metrics', (context, next) => (clients.isLocal(context) ? next() : authenticated(context, next)));
    app.get('/metrics', async (context) => answerMetrics(context, await metricsText()));
  }
  app.route('/', traefikRoutes({ store, authenticated }));
  app.route('/', pushWebhooks({ store, box: secrets, clock }));
  app.route('/', resourceRoutes({ ...resources, authenticated }));
  app.route('/', sealingKeyRoutes({ publicKey: options.sealingKey, authenticated }));
  app.route('/', installationRoutes({ installation, authenticated }));
  const limits = new LoginLimits(clock);
  app.route('/', tokenRoutes({ ...access, authenticated, limits, clock }));
  app.route(
    BASE,
    restRoutes({
      ...resources,
      logs,
      audit: options.audit,
      secrets,
      users: createUserDirectory(access.accounts),
      access,
      limits,
      settings: { corsOrigins: [], buildRoot: undefined, ...options.rest },
      version: options.version,
      authenticated,
      unexpected: (cause, requestId) => log.error({ err: cause, requestId }, 'A request failed unexpectedly.'),
    }),
  );
  return app;
}

function answerMetrics(context: ApiContext, text: string): Response {
  const identity = context.get('identity');
  if (identity && !identity.admin) throw new Refused('Forbidden', 'Metrics are for administrators.');
  return context.text(text, 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' });
}
