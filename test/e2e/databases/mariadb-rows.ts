import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { debianRoot } from './debian-root.ts';
import { recipes } from './image-recipes.ts';
import type { RowStore } from './row-store.ts';

const END = 'end of the answer';
const TIMEOUT_MS = 20_000;

/** Rows in a table of MariaDB, through its own client out of the image. */
export function openMariadbRows(url: string): RowStore {
  let session: Session | undefined;

  async function ask(statement: string): Promise<string[]> {
    session ??= new Session(url);
    try {
      return await session.ask(statement);
    } catch (error) {
      session.close();
      session = undefined;
      throw error;
    }
  }

  return {
    async prepare() {
      await ask('CREATE TABLE IF NOT EXISTS `rows` (n int PRIMARY KEY, word varchar(64) NOT NULL) ENGINE = InnoDB');
    },
    async write(rows) {
      await ask(`INSERT INTO \`rows\` VALUES ${rows.map(({ n, word }) => `(${n}, '${word}')`).join(', ')}`);
    },
    async read() {
      return (await ask('SELECT n, word FROM `rows` ORDER BY n')).map((line) => {
        const [n = '', word = ''] = line.split('\t');
        return { n: Number(n), word };
      });
    },
    async maxConnections() {
      return Number((await ask('SELECT @@max_connections'))[0]);
    },
    async close() {
      session?.close();
      session = undefined;
    },
  };
}

/** One login; statements go in by the line, and what follows each of them tells that it was acknowledged. */
class Session {
  readonly #client: ChildProcessWithoutNullStreams;
  #lines: string[] = [];
  #said = '';
  #waiting: PromiseWithResolvers<string[]> | undefined;

  constructor(url: string) {
    const { hostname, port, username, password, pathname } = new URL(url);
    const login = ['-h', hostname, '-P', port, '-u', username, pathname.slice(1)];
    const parameters = ['mariadb', '--no-defaults', '--batch', '--skip-column-names', '--unbuffered', ...login];
    this.#client = spawn('chroot', [debianRoot(recipes.mariadb), ...parameters], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', MYSQL_PWD: password },
    });
    const end = (): void => this.#waiting?.reject(new Error(`The client of MariaDB ended: ${this.#said}`));
    this.#client.on('error', end).on('close', end);
    this.#client.stdin.on('error', end);
    this.#client.stderr.on('data', (chunk: Buffer) => (this.#said += chunk.toString()));
    createInterface(this.#client.stdout).on('line', (line) => {
      if (line === END) this.#waiting?.resolve(this.#lines);
      else this.#lines.push(line);
    });
  }

  async ask(statement: string): Promise<string[]> {
    this.#lines = [];
    const waiting = Promise.withResolvers<string[]>();
    this.#waiting = waiting;
    if (this.#client.exitCode !== null) throw new Error(`The client of MariaDB ended: ${this.#said}`);
    this.#client.stdin.write(`${statement};\nSELECT '${END}';\n`);
    const late = setTimeout(() => waiting.reject(new Error('MariaDB does not answer.')), TIMEOUT_MS);
    return waiting.promise.finally(() => clearTimeout(late));
  }

  close(): void {
    this.#client.kill();
  }
}
