/** Turns output that comes in pieces into lines that are safe to store and show. */
export interface LogLines {
  add(text: string): void;
  /** What came after the last line end is a line too. */
  end(): void;
}

const maxLineLength = 4_096;

/**
 * Lines come without escape sequences and control characters, cut at 4096 characters; of a line that was overwritten by
 * carriage returns the last state.
 */
export function createLogLines(onLine: (line: string) => void): LogLines {
  let line = '';
  let returned = false;

  function emit(): void {
    onLine(plainText(line));
    line = '';
    returned = false;
  }

  return {
    add(text) {
      for (const piece of text.split(/(\r|\n)/)) {
        if (piece === '\n') emit();
        else if (piece === '\r') returned = true;
        else if (piece !== '') {
          if (returned) line = '';
          returned = false;
          // Escape sequences take room too; what is cut here is cut again when they are gone.
          if (line.length < 4 * maxLineLength) line += piece;
        }
      }
    },
    end() {
      if (line !== '') emit();
    },
  };
}

/** One line without escape sequences and control characters, cut at 4096 characters. */
export function plainText(line: string): string {
  const plain = line
    .replaceAll(escapeSequence, '')
    .replaceAll('\t', '    ')
    .replaceAll(/\p{Cc}|[\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '');
  return plain.length <= maxLineLength ? plain : `${plain.slice(0, maxLineLength)}…`;
}

const esc = String.fromCodePoint(0x1b);
const bell = String.fromCodePoint(0x07);

/** ECMA-48: operating system commands up to their end, control sequences, and the short ones. */
const escapeSequence = new RegExp(
  `${esc}[\\]PX^_][^${bell}${esc}]*(?:${bell}|${esc}\\\\|$)|${esc}\\[[0-?]*[ -/]*[@-~]|${esc}[ -/]*[0-~]`,
  'g',
);
