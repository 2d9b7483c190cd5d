/** Programs that work out by themselves how a source is built. */
export type BuildpackTool = 'railpack' | 'nixpacks';

export interface BuildpackRequest {
  /** Folder with the source. */
  contextDir: string;
  /** Made by the program's run, or empty; the caller removes it. */
  outDir: string;
  /** Instead of the command that the program would find. */
  buildCommand?: string | undefined;
  startCommand?: string | undefined;
  /** Seen by the program and by the build, and by whoever may list the processes of this host. */
  variables: Readonly<Record<string, string>>;
  /** The program learns only that they will be there. */
  secretNames: readonly string[];
}

/** What a Docker engine is to build. */
export type BuildpackPlan =
  /** A Dockerfile that the classic builder understands, with the arguments that it needs. */
  | { kind: 'dockerfile'; contextDir: string; dockerfile: string; args: Readonly<Record<string, string>> }
  /** A plan that only BuildKit carries out, through a frontend image of the same version. */
  | { kind: 'frontend'; contextDir: string; planFile: string; frontend: string };

/** The build programs of this host as loops see them. Throws BuildpackFault, whose message says what to do. */
export interface Buildpacks {
  /** The version installed; undefined while the program is not. Looked up anew each time. */
  version(tool: BuildpackTool, signal: AbortSignal): Promise<string | undefined>;
  /** Lines come without control characters. */
  prepare(
    tool: BuildpackTool,
    request: BuildpackRequest,
    onLog: (line: string) => void,
    signal: AbortSignal,
  ): Promise<BuildpackPlan>;
}
