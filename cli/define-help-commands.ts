import { Argument, type Command } from 'commander';
import { namespaceOption } from './options.ts';
import type { Tools } from './program.ts';

/** The commands that tell what there is, what is allowed and what is wrong, and those that set up other tools. */
export function defineHelpCommands(program: Command, { say, end, loadClient }: Tools): void {
  program
    .command('explain')
    .description('tell what a kind, or a field of it, is for')
    .argument('<field>', 'KIND or KIND.field.path')
    .option('--recursive', 'every field below it')
    .addHelpText('after', '\nExamples:\n  containr explain service\n  containr explain service.spec.rollout.maxSurge')
    .action(async (field: string, flags) => {
      const { explain } = await import('./commands/explain.ts');
      explain(field, flags, say);
    });

  program
    .command('api-resources')
    .description('show the kinds, with the names they go by')
    .option('--no-headers', 'rows only')
    .addHelpText('after', '\nExample:\n  containr api-resources')
    .action(async (flags) => {
      const { apiResources } = await import('./commands/api-resources.ts');
      apiResources(flags, say);
    });

  program
    .command('export')
    .description('write what people stated of a project as manifests that can be applied')
    .addOption(namespaceOption().makeOptionMandatory())
    .addHelpText(
      'after',
      `
What the controller made, and the values of secrets, are not part of it. For the whole installation: containr server export

Example:
  containr export -n shop > shop.yaml`,
    )
    .action(async (flags: { namespace: string }) => {
      const [{ exportProject }, connect] = await Promise.all([import('./commands/export.ts'), loadClient()]);
      await exportProject(connect(), flags.namespace, say);
    });

  const auth = program.command('auth').description('look at what you may do');
  auth
    .command('can-i')
    .description('answer whether you may do something; ends with 1 for no')
    .argument('<verb>', 'get, list, watch, create, update, patch, delete, deletecollection or *')
    .argument('<what>', 'KIND, KIND/NAME or *')
    .addOption(namespaceOption())
    .option('--subresource <name>', 'status, log or scale')
    .option('-q, --quiet', 'say nothing')
    .addHelpText(
      'after',
      '\nExamples:\n  containr auth can-i create services -n shop\n  containr auth can-i patch service/web -n shop --subresource scale',
    )
    .action(async (verb: string, what: string, flags) => {
      const [{ canI }, connect] = await Promise.all([import('./commands/can-i.ts'), loadClient()]);
      if (!(await canI(connect(), { verb, what, ...flags }, say))) end('negative');
    });
  auth
    .command('whoami')
    .description('show who the server takes you for, and what your token may do')
    .addHelpText('after', '\nExample:\n  containr auth whoami')
    .action(async () => {
      const [{ whoAmI }, connect] = await Promise.all([import('./commands/whoami.ts'), loadClient()]);
      await whoAmI(connect(), say);
    });

  program
    .command('kubeconfig')
    .description('write a kubeconfig for the server in use, token included, to standard output or a file')
    .option('--write <file>', 'a new file, readable by you alone')
    .option('--force', 'with --write: replace the file')
    .option(
      '--certificate-authority <file>',
      'what its certificate is checked against, as PEM; the file of NODE_EXTRA_CA_CERTS otherwise',
    )
    .addOption(namespaceOption())
    .addHelpText(
      'after',
      `
Examples:
  containr kubeconfig --write ~/.kube/containr -n shop
  KUBECONFIG=~/.kube/containr kubectl get services`,
    )
    .action(async (flags) => {
      const [{ kubeconfig }, { resolveConnection }] = await Promise.all([
        import('./commands/kubeconfig.ts'),
        import('./context.ts'),
      ]);
      const { context } = program.opts<{ context?: string }>();
      kubeconfig(resolveConnection(context), flags, say);
    });

  program
    .command('completion')
    .description('write a script that completes commands, options and kinds')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  source <(containr completion bash)
  containr completion zsh > "\${fpath[1]}/_containr"
  containr completion fish > ~/.config/fish/completions/containr.fish`,
    )
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completion } = await import('./commands/completion.ts');
      completion(program, shell, say);
    });

  program
    .command('doctor')
    .description('look for what is wrong, and say what to do; ends with 1 when something is')
    .addHelpText('after', '\nExample:\n  containr doctor')
    .action(async () => {
      const [{ doctor }, connect] = await Promise.all([import('./commands/doctor.ts'), loadClient()]);
      if (!(await doctor(connect, say))) end('negative');
    });
}
