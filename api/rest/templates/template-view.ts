import type { Template } from './template.ts';
import type { TemplateVariable } from './template-variable.ts';

/** A `ServiceTemplate` of the contract. Templates are files, so none was made or changed at any time that is known. */
export function templateView(template: Template): object {
  const { id, name, category, logo } = template;
  return {
    id,
    name,
    description: template.description,
    category,
    logo,
    config: JSON.stringify(configView(template)),
    variables: JSON.stringify(template.variables.map(variableView)),
    is_official: true,
  };
}

/** A `TemplateDetailResponse` of the contract. */
export function templateDetail(template: Template): object {
  return {
    template: templateView(template),
    config: configView(template),
    variables: template.variables.map(variableView),
  };
}

function configView({ service, database }: Template): object {
  if (!service) return { type: 'database', runtime: database?.engine };
  const { type, image, git, startCommand, port, healthCheck, env } = service;
  return {
    type,
    runtime: image ?? git?.builder,
    start_command: startCommand,
    port,
    health_check: healthCheck.path,
    environment: env,
    ...(git?.builder === 'dockerfile' && { dockerfile: 'Dockerfile' }),
  };
}

/** The contract has no fields for a type and for what is made at random: the description says it. */
function variableView(variable: TemplateVariable): object {
  const { key, label, required, secret } = variable;
  return {
    key,
    label,
    ...(variable.default !== undefined && { default: variable.default }),
    required,
    secret,
    description: [variable.description, typeHint(variable), variable.generated && 'Made at random when left out.']
      .filter((sentence) => sentence !== undefined)
      .join(' '),
  };
}

function typeHint({ type, engines = [] }: TemplateVariable): string | undefined {
  switch (type) {
    case 'string':
    case 'url':
    case 'email':
      return undefined;
    case 'integer':
      return 'A whole number.';
    case 'boolean':
      return 'Either true or false.';
    case 'database':
      return `The name or id of a database (${engines.join(' or ')}) in the same project.`;
    default:
      return type satisfies never;
  }
}
