import type { SandboxReady } from './manifests.ts';
import { adminTokenFile } from './programs.ts';

/** What runs guests, and what it means when that is no real container. */
export function engineText({ engine, engineReason }: Pick<SandboxReady, 'engine' | 'engineReason'>): string {
  return engine === 'lxc'
    ? 'real LXC containers'
    : `simulated guests, since ${engineReason} Nothing runs inside a simulated guest but a small responder on its ports.`;
}

/** What to do next, once everything is ready. */
export function summary(
  url: string,
  dataDir: string,
  sandbox: Pick<SandboxReady, 'url'>,
  proxyPort: number | undefined,
  authority: string | undefined,
): string[] {
  return [
    '',
    `Containr is ready at ${url}`,
    `The Proxmox API of the sandbox: ${sandbox.url}`,
    ...(proxyPort === undefined ? [] : [`Web services: http://SERVICE-PROJECT.localhost:${proxyPort}`]),
    '',
    'To use it from another terminal:',
    `  export CONTAINR_URL=${url} CONTAINR_TOKEN=$(cat ${shellWord(adminTokenFile(dataDir))})`,
    ...(authority === undefined ? [] : [`  export NODE_EXTRA_CA_CERTS=${shellWord(authority)}`]),
    '  containr get all -A',
    ...(authority === undefined
      ? []
      : [
          '',
          'And with kubectl:',
          '  containr kubeconfig --write kubeconfig',
          '  KUBECONFIG=kubeconfig kubectl get services -A',
        ]),
    '',
  ];
}

function shellWord(text: string): string {
  return /^[\w/.:@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
