import type { DatabaseEngine, DatabasePlan } from '../../../crds/database.ts';
import type { Resources } from '../../../crds/workload.ts';
import type { DatabaseProtocol } from '../../providers/database/client.ts';

/** What a setting becomes: arguments of the server, or why this engine does not have it. */
export type SettingEffect = { args: readonly string[] } | { unsupported: string };

/** The settings of a Database, by their name in the spec. */
export interface SettingEffects {
  maxConnections(count: number): SettingEffect;
  /** After so long without a query a connection is closed. */
  timeout(ms: number): SettingEffect;
  ssl(): SettingEffect;
  logging(): SettingEffect;
}

/** What of the credentials an environment variable holds; it reaches the guest by reference, never as a value. */
export type CredentialKey = 'username' | 'password' | 'database';

export type EngineVariable = { name: string; value: string } | { name: string; credential: CredentialKey };

/** CPU and memory of the guest, and the size of the volume. */
export interface PlanSize {
  cpu: Resources['cpu'];
  memory: Resources['memory'];
  storage: Resources['storage'];
}

/** A program of the image. Passwords come to it by its environment, never as a word. */
export interface EngineCommand {
  argv: readonly string[];
}

/** How the data of an engine come into a backup. */
export interface EngineBackup {
  /** Brings what was acknowledged to where a copy of the disk has it. Without one, it is there already. */
  quiesce?: EngineCommand;
  /** Writes the data out in a form of the engine's own, to standard output. */
  dump: EngineCommand;
  /** Takes in, from standard input, what `dump` wrote, in place of what is there. */
  load: EngineCommand;
  /** Why a copy of the disk can be trusted, and what cannot be had from it. */
  why: string;
}

/** All that Containr knows of one engine. Data alone: the loop does the same for each. */
export interface EngineDefinition {
  engine: DatabaseEngine;
  /** As people write it. */
  title: string;
  /** The official image, without a tag. */
  image: string;
  /** Versions within which data stay readable, such as "17" for 17.4 and 17.6; newest first. */
  series: readonly [string, ...string[]];
  /** The tag of the image for a version, where it is not the version itself. */
  tag?: (version: string) => string;
  protocol: DatabaseProtocol;
  /** The first is the one that clients use. */
  ports: readonly [{ name: string; port: number }, ...{ name: string; port: number }[]];
  /** Where the volume is mounted; all that outlives the guest lies under it. */
  dataPath: string;
  /** The login that is made when the data are first initialised. */
  username: string;
  /** `named` after the Database, or the only one that there is. */
  database: 'named' | { always: string };
  environment: readonly EngineVariable[];
  /** Appended to the command of the image. `memoryMiB` is what the guest has. */
  args(memoryMiB: number): readonly string[];
  /**
   * For an image that takes its password neither from the environment nor from a file: the lines that its server reads from
   * its standard input. A shell of the image puts `$NAME` variables in, so that no password stands in a process list.
   */
  configOnInput?: (memoryMiB: number, settings: readonly string[]) => readonly string[];
  settings: SettingEffects;
  /** With {username}, {password}, {host}, {port} and {database}. */
  url: string;
  /** What Ready stands on; carried out by the client of the protocol. */
  readiness: string;
  backup: EngineBackup;
  /** The root disk: what the image takes, with room for logs and temporary files. */
  rootDisk: Resources['storage'];
  /** Where an engine needs more than others to run at all. */
  sizes?: Partial<Record<DatabasePlan, Partial<PlanSize>>>;
  /** Time to write everything down when it is stopped. */
  stopTimeout: string;
}
