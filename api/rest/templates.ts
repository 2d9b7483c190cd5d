import { z } from 'zod';
import type { ApiContext } from '../context.ts';
import { answer } from './answer.ts';
import { readParameters } from './read-request.ts';
import type { RestApp, RestDeps } from './rest-deps.ts';
import { RestError } from './rest-error.ts';
import { deployTemplate } from './templates/deploy-template.ts';
import { catalogueFolder, loadCatalogue } from './templates/load-catalogue.ts';
import type { Template } from './templates/template.ts';
import { templateDetail, templateView } from './templates/template-view.ts';

const ListTemplates = z.strictObject({ category: z.string().max(64).default('') });

/** The tag Templates. The catalogue is read once, when it is first asked for. */
export function mountTemplates(app: RestApp, deps: RestDeps): void {
  let loading: Promise<Template[]> | undefined;
  const catalogue = (): Promise<Template[]> => (loading ??= loadCatalogue(catalogueFolder()));

  app.get('/templates', async (context) => {
    const { category } = readParameters(context, ListTemplates);
    const templates = (await catalogue()).filter((template) => category === '' || template.category === category);
    return answer(context, { templates: templates.map(templateView) });
  });
  app.get('/templates/:id', async (context) => answer(context, templateDetail(await findTemplate(context, catalogue))));
  app.post('/templates/:id/deploy', async (context) =>
    deployTemplate(context, deps, await findTemplate(context, catalogue)),
  );
}

async function findTemplate(context: ApiContext, catalogue: () => Promise<Template[]>): Promise<Template> {
  const id = context.req.param('id') ?? '';
  const found = (await catalogue()).find((template) => template.id === id);
  if (!found) throw new RestError('not_found', `There is no template with the id ${JSON.stringify(id.slice(0, 64))}.`);
  return found;
}
