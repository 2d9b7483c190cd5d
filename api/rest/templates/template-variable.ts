import { z } from 'zod';
import { DatabaseEngine } from '../../../crds/database.ts';
import { SingleLine } from '../../../crds/names.ts';
import { typeProblem } from './type-problem.ts';

/** What random values are made of. */
export const Alphabet = z.enum(['alphanumeric', 'hex']);
export type Alphabet = z.output<typeof Alphabet>;

export const VariableType = z.enum(['string', 'integer', 'boolean', 'url', 'email', 'database']);
export type VariableType = z.output<typeof VariableType>;

/** Something that people choose when they deploy a template. */
export const TemplateVariable = z
  .strictObject({
    key: z
      .string()
      .max(64)
      .regex(/^[A-Z][A-Z0-9_]*$/, 'must be capital letters, digits and "_"'),
    label: SingleLine.min(1).max(64),
    description: SingleLine.min(1).max(256),
    /** `database` is the name or id of a Database of the same project. */
    type: VariableType.default('string'),
    required: z.boolean().default(false),
    /** Goes into a Secret, never into the Service. */
    secret: z.boolean().default(false),
    default: SingleLine.max(1024).optional(),
    minLength: z.int().min(1).max(256).optional(),
    /** Made at random where none is given. */
    generated: z
      .strictObject({ length: z.int().min(16).max(256), alphabet: Alphabet.default('alphanumeric') })
      .optional(),
    /** Of type `database`: the engines that the service can work with. */
    engines: z.array(DatabaseEngine).min(1).optional(),
  })
  .superRefine((variable, context) => {
    const problem = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message, input: variable });
    const { type, required, secret, generated, engines, minLength = 0 } = variable;
    if (secret && variable.default !== undefined)
      problem('default', 'must not be set: everybody would have the same secret');
    if (secret && type !== 'string') problem('type', 'must be string where the variable is secret');
    if (generated && !secret) problem('generated', 'is for secret variables only');
    if (generated && generated.length < minLength) problem('generated', 'must not be shorter than minLength');
    if (required && (generated || variable.default !== undefined))
      problem('required', 'must not be set where a value is filled in');
    if ((type === 'database') !== (engines !== undefined))
      problem('engines', 'belong to the type database, and to no other');
    if (variable.default !== undefined) {
      const wrong =
        type === 'database' ? 'must not be set: databases have no usual names' : typeProblem(type, variable.default);
      if (wrong !== undefined) problem('default', wrong);
    }
  });
export type TemplateVariable = z.output<typeof TemplateVariable>;
