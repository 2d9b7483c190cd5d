import { openWire, type Wire } from '../../../reconcilers/providers/database/wire.ts';
import type { RowStore } from './row-store.ts';

const TIMEOUT_MS = 20_000;
const PREFIX = 'row:';

/** Rows as keys of Redis. */
export function openRedisRows(url: string): RowStore {
  const { hostname, port, username, password } = new URL(url);
  let open: { wire: Wire; signal: AbortSignal } | undefined;

  async function ask(words: readonly string[]): Promise<string[]> {
    if (open?.signal.aborted) close();
    try {
      if (!open) {
        const signal = AbortSignal.timeout(TIMEOUT_MS);
        open = { wire: await openWire(hostname, Number(port), signal), signal };
        await say(open.wire, ['AUTH', username, password]);
      }
      return await say(open.wire, words);
    } catch (error) {
      close();
      throw error;
    }
  }

  function close(): void {
    open?.wire.close();
    open = undefined;
  }

  return {
    async prepare() {
      await ask(['PING']);
    },
    async write(rows) {
      await ask(['MSET', ...rows.flatMap(({ n, word }) => [`${PREFIX}${n}`, word])]);
    },
    async read() {
      const keys = await ask(['KEYS', `${PREFIX}*`]);
      if (keys.length === 0) return [];
      const words = await ask(['MGET', ...keys]);
      return keys
        .map((key, index) => ({ n: Number(key.slice(PREFIX.length)), word: words[index] ?? '' }))
        .toSorted((a, b) => a.n - b.n);
    },
    async maxConnections() {
      return Number((await ask(['CONFIG', 'GET', 'maxclients']))[1]);
    },
    async close() {
      close();
    },
  };
}

async function say(wire: Wire, words: readonly string[]): Promise<string[]> {
  const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
  wire.write(Buffer.from(`*${words.length}\r\n${parts.join('')}`));
  return hear(wire);
}

async function hear(wire: Wire): Promise<string[]> {
  const line = await wire.readLine();
  switch (line[0]) {
    case '+':
    case ':':
      return [line.slice(1)];
    case '$': {
      const length = Number(line.slice(1));
      return length < 0 ? [''] : [(await wire.read(length + 2)).toString('utf8', 0, length)];
    }
    case '*': {
      const list: string[] = [];
      for (let left = Number(line.slice(1)); left > 0; left -= 1) list.push(...(await hear(wire)));
      return list;
    }
    default:
      throw new Error(`Redis answered: ${line}`);
  }
}
