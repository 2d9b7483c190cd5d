import type { LogLine, LogStore } from '../../controller/logs.ts';

/** Logs that a scenario can read back; what a process died before storing is not in them. */
export function memoryLogs(): LogStore & { readonly lines: Map<string, LogLine[]> } {
  const lines = new Map<string, LogLine[]>();
  const positions = new Map<string, number>();
  return {
    lines,
    async append(stream, added, resumeAt) {
      lines.set(stream, [...(lines.get(stream) ?? []), ...added]);
      positions.set(stream, resumeAt);
    },
    resumeAt: async (stream) => positions.get(stream),
    read: async (stream, { tail }) => (lines.get(stream) ?? []).slice(-(tail ?? 1_000)),
    changed: async () => undefined,
    async remove(stream) {
      lines.delete(stream);
      positions.delete(stream);
    },
    trim: async () => undefined,
  };
}
