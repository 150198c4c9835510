import { styleText } from 'node:util';

/** Where the demo speaks. */
export interface Narrator {
  /** Opens a scene. */
  scene(name: string, title: string): void;
  /** One line of what came back; `facts` are the same for machines. */
  say(text: string, facts?: Readonly<Record<string, unknown>>): void;
  /** Lines that another program rendered, as they are. */
  quote(text: string): void;
  /** The last line. */
  end(ok: boolean, text: string): void;
}

/** For people: short lines, coloured only on a terminal that wants colours. */
export function spokenNarrator(out: NodeJS.WriteStream): Narrator {
  const style = (format: Parameters<typeof styleText>[0], text: string) => styleText(format, text, { stream: out });
  let number = 0;
  return {
    scene(_name, title) {
      number += 1;
      out.write(`\n${style('bold', `${number}. ${title}`)}\n`);
    },
    say: (text) => void out.write(`   ${text}\n`),
    quote: (text) => void out.write(text.trimEnd().replaceAll(/^/gm, '   ') + '\n'),
    end: (ok, text) => void out.write(`\n${style(ok ? 'green' : 'red', text)}\n`),
  };
}

/** For machines: one JSON object a line. */
export function jsonNarrator(out: NodeJS.WriteStream): Narrator {
  let scene = 'start';
  const write = (value: object) => void out.write(`${JSON.stringify(value)}\n`);
  return {
    scene(name, title) {
      scene = name;
      write({ event: 'scene', scene, title });
    },
    say: (text, facts = {}) => write({ event: 'line', scene, text, ...facts }),
    quote: (text) => write({ event: 'quote', scene, lines: text.trimEnd().split('\n') }),
    end: (ok, text) => write({ event: 'end', ok, text }),
  };
}
