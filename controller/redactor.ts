const REDACTED = '[redacted]';
/** Shorter values are words that would be taken out of every other line. */
const SHORTEST = 6;
/** A line of a value with several, such as a key, is a secret of its own: logs are split into lines. */
const SHORTEST_LINE = 16;

/**
 * Takes secret values out of text, wherever they stand: as they are, in JSON, in a URL, or in base64. Values shorter than
 * six characters are left alone.
 */
export class Redactor {
  /** What to look for, by its first characters. */
  readonly #forms = new Map<string, Set<string>>();
  /** The low byte of every first character, to pass over most of a text quickly. */
  readonly #firsts = new Uint8Array(256);

  /** From now on this value appears in nothing that goes through here. */
  add(value: string): void {
    const lines = value.split(/\r?\n/).filter((line) => line.length >= SHORTEST_LINE);
    for (const secret of [value, value.trim(), ...lines]) {
      this.#addForm(secret);
      this.#addForm(JSON.stringify(secret).slice(1, -1));
      this.#addForm(encodeURIComponent(secret.toWellFormed()));
      this.#addForm(Buffer.from(secret).toString('base64'));
    }
  }

  /** The text without secrets. */
  text(text: string): string {
    if (this.#forms.size === 0) return text;
    let clean = '';
    let from = 0;
    for (let at = 0; at + SHORTEST <= text.length;) {
      const length = this.#secretAt(text, at);
      if (length === 0) {
        at += 1;
        continue;
      }
      clean += text.slice(from, at) + REDACTED;
      at += length;
      from = at;
    }
    return from === 0 ? text : clean + text.slice(from);
  }

  /** One value as JSON without secrets; still JSON, whatever the secrets look like. */
  json(line: string): string {
    const clean = this.text(line);
    if (clean === line) return line;
    try {
      return JSON.stringify(this.#value(JSON.parse(line)));
    } catch {
      return clean;
    }
  }

  #value(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        return this.text(value);
      case 'number': {
        const digits = String(value);
        return this.text(digits) === digits ? value : REDACTED;
      }
      case 'object':
        if (Array.isArray(value)) return value.map((item) => this.#value(item));
        if (value === null) return null;
        return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key), this.#value(item)]));
      default:
        return value;
    }
  }

  /** Length of the longest secret that stands here. */
  #secretAt(text: string, at: number): number {
    if (this.#firsts[text.charCodeAt(at) & 0xff] === 0) return 0;
    let longest = 0;
    for (const form of this.#forms.get(text.slice(at, at + SHORTEST)) ?? []) {
      if (form.length > longest && text.startsWith(form, at)) longest = form.length;
    }
    return longest;
  }

  #addForm(form: string): void {
    if (form.length < SHORTEST) return;
    const start = form.slice(0, SHORTEST);
    const forms = this.#forms.get(start);
    if (forms) forms.add(form);
    else this.#forms.set(start, new Set([form]));
    this.#firsts[form.charCodeAt(0) & 0xff] = 1;
  }
}
