import { randomUUID } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import PQueue from 'p-queue';
import { Fault } from '../errors.ts';

/** In characters. Longer ones add nothing, and would only be a way to keep the machine busy. */
export const passwordLength = { least: 8, most: 1024 } as const;

/** What OWASP asks for at least with argon2id, which is what the library makes unless told otherwise: 19 MiB, two passes. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

const AT_ONCE = 2;
const MOST_WAITING = 64;

/** Makes and checks the hashes of passwords, a few at a time. Throws Throttled when too many wait. */
export class Passwords {
  /** Hashing takes the threads that files are read by as well; some of them must stay free. */
  readonly #queue = new PQueue({ concurrency: AT_ONCE });
  #decoy: Promise<string> | undefined;

  /** With a salt of its own, and all that is needed to check it. */
  async hash(password: string): Promise<string> {
    return this.#queued(() => hash(normal(password), cost));
  }

  /** Takes the same time and answers false where there is no hash to check against. */
  async verify(hashed: string | undefined, password: string): Promise<boolean> {
    this.#decoy ??= hash(randomUUID(), cost);
    const decoy = await this.#decoy;
    const isRight = await this.#queued(() => verify(hashed ?? decoy, normal(password)));
    return isRight && hashed !== undefined;
  }

  #queued<T>(run: () => Promise<T>): Promise<T> {
    if (this.#queue.size >= MOST_WAITING) {
      throw new Fault('Throttled', 'Too many people log in at this moment. Try again in a few seconds.', {
        retryAfterMs: 5_000,
      });
    }
    return this.#queue.add(run);
  }
}

/** The same letters are typed as different characters on different systems. */
function normal(password: string): string {
  return password.normalize('NFC');
}
