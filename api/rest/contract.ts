import { respondText } from '../respond.ts';
import { BASE } from './base-path.ts';
import { docsPage, docsPolicy } from './docs-page.ts';
import { readContract } from './openapi-document.ts';
import type { RestApp } from './rest-deps.ts';

/** The contract itself, for programs and for people. */
export function mountContract(app: RestApp): void {
  let reading: ReturnType<typeof readContract> | undefined;
  const contract = () => (reading ??= readContract());
  app.get('/openapi.yaml', async (context) => {
    context.header('Cache-Control', 'public, max-age=300');
    return respondText(context, (await contract()).text, { type: 'application/yaml; charset=utf-8' });
  });
  app.get('/docs', async (context) => {
    context.header('Content-Security-Policy', docsPolicy);
    const page = docsPage((await contract()).contract, BASE);
    return respondText(context, page, { type: 'text/html; charset=utf-8' });
  });
}
