import type { BuildpackTool } from './client.ts';
import { BuildpackFault } from './fault.ts';

const commands: Record<BuildpackTool, string> = {
  railpack: 'curl -sSL https://railpack.com/install.sh | sh',
  nixpacks: 'curl -sSL https://nixpacks.com/install.sh | bash',
};

/** The fault for a program that this host does not have, with the command that installs it. */
export function missingTool(tool: BuildpackTool): BuildpackFault {
  return new BuildpackFault(
    'missing',
    `${tool} is not installed where the controller runs. Install it there: ${commands[tool]}. It is looked for again.`,
  );
}

/** The fault for a source without a Dockerfile on a host that has neither program. */
export function noTool(where: string): BuildpackFault {
  return new BuildpackFault(
    'missing',
    `There is no ${where}, and neither railpack nor nixpacks is installed where the controller runs. ` +
      `Add a Dockerfile, or install Railpack there: ${commands.railpack}. It is looked for again.`,
  );
}
