/** Recorded conversations, shared with the server's tests: every frame must lead to the recorded view. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { applyFrame, type View } from '../src/lib/room';
import type { ServerFrame } from '../src/lib/wire';

interface Golden {
  steps: { frame: ServerFrame; view: View }[];
}

const folders = [new URL('../../tests/golden/', import.meta.url), new URL('./golden/', import.meta.url)];
const files = folders.flatMap((folder) => {
  if (!existsSync(folder)) return [];
  const found = readdirSync(folder).filter((name) => name.endsWith('.json'));
  // A folder without logs would make this test say nothing.
  if (!found.length) throw new Error(`no golden logs in ${fileURLToPath(folder)}`);
  return found.map((name) => [name, new URL(name, folder)] as const);
});

describe('golden logs', () => {
  it.each(files)('%s', (_name, url) => {
    const { steps } = JSON.parse(readFileSync(url, 'utf8')) as Golden;
    expect(steps.length).toBeGreaterThan(0);
    let view: View | null = null;
    steps.forEach(({ frame, view: expected }, step) => {
      view = applyFrame(view, frame);
      expect(view, `after step ${step}, a ${frame.t}`).toEqual(expected);
    });
  });
});
