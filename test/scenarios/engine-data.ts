import { z } from 'zod';

/** What a database of a scenario has on its disk: the login that it was set up with, and what was written. */
export interface EngineData {
  password: string;
  rows: readonly string[];
  /** What it wrote out when it was asked for a dump. */
  dump?: string | undefined;
}

const Data = z.object({ password: z.string(), rows: z.array(z.string()), dump: z.string().optional() });

/** Reads a disk; undefined when there is nothing on it that a server could be started on. */
export function readData(content: string): EngineData | undefined {
  try {
    return Data.parse(JSON.parse(content));
  } catch {
    return undefined;
  }
}

/** As it stands on the disk. */
export function dataText(data: EngineData): string {
  return JSON.stringify(data);
}
