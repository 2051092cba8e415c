import type { Command, Option } from 'commander';
import { parse } from 'shell-quote';

/** Returns the words of every `tracker` and `npm` command in a text, e.g. `['tracker', 'import', 'FILE', '--json']`. */
export function commandsIn(text: string): string[][] {
  const joined = text.replaceAll(/\\\n/g, ' ');
  return joined.split('\n').flatMap((line) => {
    const commands: string[][] = [[]];
    for (const word of parse(
      line.replaceAll('`', '').replaceAll(/<([\w -]+)>/g, (_, name: string) => name.toUpperCase()),
      (name) => `$${name}`,
    )) {
      if (typeof word === 'string') commands.at(-1)?.push(word);
      else if ('comment' in word) break;
      else if (['|', '&&', '||', ';', '&', '('].includes(word.op)) commands.push([]);
      else if (word.op === 'glob') commands.at(-1)?.push((word as { pattern: string }).pattern);
    }
    return commands.flatMap((words) => {
      const first = words.findIndex((word) => !/^\w+=/.test(word)); // variables before the command
      const command = words.slice(first);
      return command[0] === 'tracker' || command[0] === 'npm' ? [command] : [];
    });
  });
}

/** Lists the unknown subcommands, options and scripts of a command. */
export function commandProblems(
  words: readonly string[],
  program: Command,
  scripts: readonly string[],
): string[] {
  if (words[0] === 'tracker') return trackerProblems(words.slice(1), program);
  const [, verb = '', script = '', ...rest] = words.filter((word) => word !== '--silent');
  if (verb === 'test' || verb === 'start') return scripts.includes(verb) ? [] : [`npm ${verb}`];
  if (verb !== 'run') return [];
  const args = rest[0] === '--' ? rest.slice(1) : rest;
  if (script === 'tracker') return trackerProblems(args, program);
  if (script === 'import' || script === 'migrate') return trackerProblems([script, ...args], program);
  if (script.includes('…')) return [];
  return scripts.includes(script) ? [] : [`npm run ${script}`];
}

function trackerProblems(words: readonly string[], program: Command): string[] {
  let command = program;
  let index = 0;
  for (; index < words.length; index++) {
    const next = command.commands.find((one) => one.name() === words[index]);
    if (!next) break;
    command = next;
  }
  const isGroup = command.commands.length > 0 && command.registeredArguments.length === 0;
  const argument = words[index];
  if (isGroup && argument !== undefined && /^[a-z]/.test(argument))
    return [`tracker ${words.join(' ')}: no such command`];
  return words
    .slice(index)
    .filter((word) => /^--?[a-z]/.test(word))
    .map((word) => word.split('=')[0] as string)
    .filter((option) => !['--help', '--version'].includes(option))
    .filter(
      (option) => ![...command.options].some((one: Option) => one.long === option || one.short === option),
    )
    .map((option) => `tracker ${words.join(' ')}: no option ${option}`);
}
