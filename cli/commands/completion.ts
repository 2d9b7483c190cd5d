import type { Command } from 'commander';
import { kindNames } from '../kind-names.ts';
import type { Say } from '../text.ts';

/** One command as it is completed: `rollout undo`, its options, and what may follow. */
interface Completable {
  /** Empty for the program itself. */
  path: string;
  text: string;
  /** Subcommands, or the words that its first argument may be. */
  words: { word: string; text: string }[];
  options: { flags: string[]; text: string }[];
}

/** Says a script for a shell, made of the commands themselves; it needs neither the server nor this program to run. */
export function completion(program: Command, shell: 'bash' | 'zsh' | 'fish', say: Say): void {
  const commands = commandsBelow(program, []);
  switch (shell) {
    case 'bash':
      return bashLines(commands).forEach(say);
    case 'zsh':
      return ['#compdef containr', 'autoload -U +X bashcompinit && bashcompinit', ...bashLines(commands)].forEach(say);
    case 'fish':
      return fishLines(commands).forEach(say);
    default:
      return shell satisfies never;
  }
}

function commandsBelow(command: Command, path: readonly string[]): Completable[] {
  const children = command.commands.filter((child) => child.name() !== 'help');
  const [first] = command.registeredArguments;
  const kinds = first !== undefined && /kind/i.test(first.description) ? kindNames.map(({ singular }) => singular) : [];
  const choices = [...(first?.argChoices ?? []), ...kinds].map((word) => ({ word, text: '' }));
  return [
    {
      path: path.join(' '),
      text: command.description(),
      words: [...children.map((child) => ({ word: child.name(), text: child.description() })), ...choices],
      options: command.options.map(({ short, long, description }) => ({
        flags: [short, long].filter((flag) => flag !== undefined && flag !== null),
        text: description,
      })),
    },
    ...children.flatMap((child) => commandsBelow(child, [...path, child.name()])),
  ];
}

function bashLines(commands: readonly Completable[]): string[] {
  const cases = commands.map(({ path, words, options }) => {
    const all = [...words.map(({ word }) => word), ...options.flatMap(({ flags }) => flags), '--help'];
    return `    ${quoted(path)}) words=${quoted(all.join(' '))} ;;`;
  });
  const parents = commands.filter(({ path }) => path !== '').map(({ path }) => quoted(path));
  return [
    '# Completion of containr. Load it with: source <(containr completion bash)',
    '_containr() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" path="" words="" index next',
    '  for ((index = 1; index < COMP_CWORD; index++)); do',
    '    next="${path:+$path }${COMP_WORDS[index]}"',
    '    case "$next" in',
    `      ${parents.join('|')}) path="$next" ;;`,
    '    esac',
    '  done',
    '  case "$path" in',
    ...cases,
    '  esac',
    '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
    '}',
    'complete -o default -F _containr containr',
  ];
}

function fishLines(commands: readonly Completable[]): string[] {
  return [
    '# Completion of containr. Keep it as ~/.config/fish/completions/containr.fish',
    'function __containr_at',
    '    set -l words (commandline -opc)',
    "    test (string join ' ' (string match -v -- '-*' $words[2..])) = \"$argv\"",
    'end',
    'function __containr_in',
    '    set -l words (commandline -opc)',
    "    string match -q -- \"$argv*\" (string join ' ' (string match -v -- '-*' $words[2..]))",
    'end',
    ...commands.flatMap(({ path, words, options }) => [
      ...words.map(({ word, text }) =>
        [
          `complete -c containr -f -n ${quoted(`__containr_at ${path}`.trim())} -a ${quoted(word)}`,
          described(text),
        ].join(''),
      ),
      ...options.map(({ flags, text }) =>
        [
          `complete -c containr -n ${quoted(`__containr_in ${path}`.trim())}`,
          ...flags.map(fishFlag),
          described(text),
        ].join(''),
      ),
    ]),
  ];
}

function fishFlag(flag: string): string {
  return flag.startsWith('--') ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`;
}

function described(text: string): string {
  return text === '' ? '' : ` -d ${quoted(text)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
