import { retry, settled, stalled } from '../../controller/outcome.ts';
import { watching, type Reconciler, type Resources } from '../../controller/reconciler.ts';
import { Proxy } from '../../crds/proxy.ts';
import { Route } from '../../crds/route.ts';
import { isProxyFault } from '../providers/proxy/fault.ts';
import type { ProxyPool } from '../providers/proxy/proxy-pool.ts';
import { proxyAddress, proxySettings } from '../shared/proxy-settings.ts';
import { reportProxy, reportTraefik } from './report.ts';

export interface ProxyDeps {
  resources: Resources;
  proxies: ProxyPool;
}

/** Who reloads Caddy by its own file takes our routes out of it: they are back after so long. */
const CHECK_MS = 2_000;

/** Keeps our part of a proxy in place, and says whether it answers. The routes themselves are the Route's loop's to tell. */
export function proxyReconciler({ resources: { read }, proxies }: ProxyDeps): Reconciler<Proxy> {
  return {
    kind: Proxy,
    // Only what Traefik is shown is counted from here.
    watches: [
      watching(Route, ({ status }) => {
        const proxy = status.proxy === undefined ? undefined : read.get(Proxy, { name: status.proxy });
        return proxy?.spec.type === 'traefik' ? [proxy.metadata] : [];
      }),
    ],

    async reconcile(pass) {
      const { metadata } = pass.resource;
      const address = proxyAddress(pass.resource);
      if (!address) {
        const routes = read.list(Route).filter(({ status }) => status.proxy === metadata.name).length;
        pass.status = reportTraefik(pass.resource, pass.status, routes, pass.now);
        return settled();
      }
      const table = proxies.ensure(metadata.name, address);
      table.configure(proxySettings(pass.resource));
      table.retain(new Set(read.list(Route).map((route) => route.metadata.uid)));
      try {
        await table.check(pass.signal);
      } catch (error) {
        if (!isProxyFault(error, 'unreachable')) throw error;
        const { message } = error;
        pass.status = reportProxy(pass.resource, pass.status, { reached: false, message }, pass.now);
        return retry('ProxyUnreachable', message, CHECK_MS);
      }
      const state = table.state();
      pass.status = reportProxy(pass.resource, pass.status, { reached: true, state }, pass.now);
      return state.trouble === undefined
        ? settled(CHECK_MS)
        : stalled('ProxyRefuses', state.trouble.message, CHECK_MS * 5);
    },

    /** What is ours goes with it; a proxy that does not answer any more is nobody's to wait for. */
    async finalize(pass) {
      const { metadata } = pass.resource;
      const address = proxyAddress(pass.resource);
      if (address) {
        try {
          await proxies.ensure(metadata.name, address).clear(pass.signal);
        } catch (error) {
          if (!isProxyFault(error)) throw error;
          pass.event('Warning', 'ProxyUnreachable', `Its routes could not be taken out of it: ${error.message}`);
        }
      }
      await proxies.drop(metadata.name);
      return settled();
    },
  };
}
