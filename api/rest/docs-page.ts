import { createHash } from 'node:crypto';
import type { OpenApi, Operation, Schema } from './openapi-document.ts';

const style = `
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
nav a { margin-right: 1rem; }
h2 { border-bottom: 1px solid var(--line); margin-top: 2.5rem; }
details { border: 1px solid var(--line); border-radius: .4rem; margin: .5rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; overflow-wrap: anywhere; }
code, .method { font-family: ui-monospace, monospace; font-size: .9em; }
.method { display: inline-block; min-width: 4.5em; font-weight: bold; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
td, th { text-align: left; vertical-align: top; padding: .25rem .5rem; border-bottom: 1px solid var(--soft); }
`;

/** What a browser may do with the page: show it, and nothing else. */
export const docsPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** The contract as a page for people: no scripts, nothing from elsewhere. */
export function docsPage(contract: OpenApi, base: string): string {
  const operations = Object.entries(contract.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const tags = contract.tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    return `<h2 id="tag-${escaped(name)}">${escaped(name)}</h2><p>${escaped(description)}</p>${own.map(operationHtml).join('')}`;
  });
  const schemas = Object.entries(contract.components.schemas).map(
    ([name, schema]) =>
      `<details id="schema-${escaped(name)}"><summary><code>${escaped(name)}</code></summary>${fieldsHtml(schema)}</details>`,
  );
  const { title, version, description } = contract.info;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${style}</style></head><body>
<h1>${escaped(title)} ${escaped(version)}</h1><p>${escaped(description)}</p>
<p>Served below <code>${escaped(base)}</code>. For programs: <a href="openapi.yaml">openapi.yaml</a>.</p>
<nav>${contract.tags.map(({ name }) => `<a href="#tag-${escaped(name)}">${escaped(name)}</a>`).join('')}<a href="#schemas">Schemas</a></nav>
${tags.join('\n')}
<h2 id="schemas">Schemas</h2>${schemas.join('\n')}
</body></html>
`;
}

function operationHtml({ path, method, operation }: { path: string; method: string; operation: Operation }): string {
  const { summary, description, security, parameters, requestBody, responses } = operation;
  const bodies = Object.values(requestBody?.content ?? {}).map(({ schema }) => typeHtml(schema));
  const answers = Object.entries(responses).map(([code, { description: words, content }]) => {
    const types = Object.entries(content).map(
      ([type, { schema }]) => `${typeHtml(schema)} <code>${escaped(type)}</code>`,
    );
    return `<tr><td>${escaped(code)}</td><td>${types.join(', ')}</td><td>${escaped(words)}</td></tr>`;
  });
  const rows = parameters.map(
    ({ name, in: place, required, schema, description: words }) =>
      `<tr><td><code>${escaped(name)}</code></td><td>${escaped(place)}${required ? ', required' : ''}</td><td>${typeHtml(schema)}</td><td>${escaped(words)}</td></tr>`,
  );
  return `<details><summary><span class="method">${escaped(method.toUpperCase())}</span> <code>${escaped(path)}</code> ${escaped(summary)}</summary>
<p>${escaped(description)}${security.length > 0 ? ' Needs a token.' : ''}</p>
${rows.length > 0 ? `<table><tr><th>Parameter</th><th>In</th><th>Type</th><th></th></tr>${rows.join('')}</table>` : ''}
${bodies.length > 0 ? `<p>Body: ${bodies.join(' or ')}</p>` : ''}
<table><tr><th>Answer</th><th>Body</th><th></th></tr>${answers.join('')}</table></details>`;
}

function fieldsHtml({ properties = {}, required = [] }: Schema): string {
  const rows = Object.entries(properties).map(
    ([name, schema]) =>
      `<tr><td><code>${escaped(name)}</code>${required.includes(name) ? ' required' : ''}</td><td>${typeHtml(schema)}</td><td>${escaped(schema.description ?? '')}</td></tr>`,
  );
  return `<table><tr><th>Field</th><th>Type</th><th></th></tr>${rows.join('')}</table>`;
}

function typeHtml(schema: Schema): string {
  if (schema.$ref !== undefined) {
    const name = escaped(schema.$ref.split('/').at(-1) ?? '');
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if (schema.items) return `list of ${typeHtml(schema.items)}`;
  if (typeof schema.additionalProperties === 'object') return `map of ${typeHtml(schema.additionalProperties)}`;
  const words = [
    schema.type ?? 'anything',
    ...(schema.format === undefined ? [] : [`(${schema.format})`]),
    ...(schema.enum === undefined ? [] : [`one of ${schema.enum.map(String).join(', ')}`]),
    ...(schema.minimum === undefined ? [] : [`from ${schema.minimum}`]),
    ...(schema.maximum === undefined ? [] : [`to ${schema.maximum}`]),
    ...(schema.default === undefined ? [] : [`usually ${JSON.stringify(schema.default)}`]),
  ];
  const inner = schema.properties ? fieldsHtml(schema) : '';
  return `${escaped(words.join(' '))}${inner}`;
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
