import { nearest } from '@fairlead/core';
import { command } from '../command.ts';
import { UsageError } from '../flag.ts';

/** What each shell has to run; all of them ask `fairlead __complete` for the words, so that they know what it knows. */
const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `_fairlead() {
  local IFS=$'\\n'
  COMPREPLY=($(fairlead __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _fairlead fairlead
`,
  zsh: `#compdef fairlead
_fairlead() {
  local -a found
  found=(\${(f)"$(fairlead __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( \${#found} )); then compadd -a found; else _files; fi
}
compdef _fairlead fairlead
`,
  fish: `function __fairlead_words
  set -l before (commandline -opc)
  set -l current (commandline -ct)
  fairlead __complete $before[2..] "$current" 2>/dev/null
end
complete -c fairlead -a '(__fairlead_words)'
`,
};

/** `fairlead completion`: prints what a shell has to run to complete commands, flags and names. */
export const completion = command<Record<never, never>>({
  name: 'completion',
  summary: 'Print the completion script of a shell',
  flags: {},
  positionals: [
    { name: 'shell', summary: 'bash, zsh or fish', required: true, complete: async () => Object.keys(SCRIPTS) },
  ],
  examples: [
    'eval "$(fairlead completion bash)"                                    # in ~/.bashrc',
    'eval "$(fairlead completion zsh)"                                     # in ~/.zshrc, after compinit',
    'fairlead completion fish > ~/.config/fish/completions/fairlead.fish',
  ],
  async run(terminal, _flags, [shell = '']) {
    const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
    if (script === undefined) {
      const near = nearest(shell, Object.keys(SCRIPTS));
      throw new UsageError(
        `there is no completion for "${shell}". ${near === undefined ? 'There is for bash, zsh and fish.' : `Did you mean ${near}?`}`,
      );
    }
    terminal.out(script);
    return 0;
  },
});
