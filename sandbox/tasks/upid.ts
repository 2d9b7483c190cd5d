/** The parts of a task's id. */
export interface Upid {
  node: string;
  pid: number;
  /** Hundredths of a second since the node booted. */
  processStart: number;
  /** Unix time in seconds. */
  startTime: number;
  type: string;
  /** Mostly the vmid; may be empty. */
  id: string;
  /** The whole user, token included. */
  user: string;
}

const form =
  /^UPID:([a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?):([0-9A-F]{8}):([0-9A-F]{8,9}):([0-9A-F]{8}):([^:\s/]+):([^:\s/]*):([^:\s/]+):$/i;

/** Writes a task's id as Proxmox does, with the colon at its end. */
export function formatUpid({ node, pid, processStart, startTime, type, id, user }: Upid): string {
  return `UPID:${node}:${hex(pid)}:${hex(processStart)}:${hex(startTime)}:${type}:${id}:${user}:`;
}

/** Undefined for what is no task id. */
export function parseUpid(text: string): Upid | undefined {
  const parts = form.exec(text);
  if (!parts) return undefined;
  const [, node = '', pid = '', processStart = '', startTime = '', type = '', id = '', user = ''] = parts;
  return {
    node,
    pid: Number.parseInt(pid, 16),
    processStart: Number.parseInt(processStart, 16),
    startTime: Number.parseInt(startTime, 16),
    type,
    id,
    user,
  };
}

function hex(value: number): string {
  return value.toString(16).toUpperCase().padStart(8, '0');
}
