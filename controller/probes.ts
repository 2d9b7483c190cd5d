import type { Clock } from './clock.ts';
import { within } from './sleep.ts';

const PATIENCE_MS = 2_000;

/** Whether something is well; the text says what is not, for people. */
export type Check = () => true | string | Promise<true | string>;

export interface CheckResult {
  name: string;
  ok: boolean;
  message?: string;
}

export interface ProbeReport {
  ok: boolean;
  checks: CheckResult[];
}

/** Health and readiness, from checks that parts of the process register. No checks: well. */
export class Probes {
  readonly #clock: Clock;
  readonly #health = new Map<string, Check>();
  readonly #readiness = new Map<string, Check>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something that only a restart helps when it fails. */
  addHealthCheck(name: string, check: Check): void {
    this.#health.set(name, check);
  }

  /** Something without which requests should go elsewhere for now. */
  addReadinessCheck(name: string, check: Check): void {
    this.#readiness.set(name, check);
  }

  health(): Promise<ProbeReport> {
    return this.#ask(this.#health);
  }

  readiness(): Promise<ProbeReport> {
    return this.#ask(this.#readiness);
  }

  async #ask(checks: ReadonlyMap<string, Check>): Promise<ProbeReport> {
    const results = await Promise.all([...checks].map(([name, check]) => this.#answerOf(name, check)));
    return { ok: results.every((result) => result.ok), checks: results };
  }

  async #answerOf(name: string, check: Check): Promise<CheckResult> {
    let result: CheckResult = { name, ok: false, message: `No answer within ${PATIENCE_MS / 1_000} s.` };
    const asking = answerTo(check).then((answer) => {
      result = answer === true ? { name, ok: true } : { name, ok: false, message: answer };
      return result;
    });
    await within(this.#clock, PATIENCE_MS, asking);
    return result;
  }
}

async function answerTo(check: Check): Promise<true | string> {
  try {
    return await check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
