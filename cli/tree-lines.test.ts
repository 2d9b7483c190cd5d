import { describe, expect, it } from 'vitest';
import { treeLines, type TreeNode } from './tree-lines.ts';

const leaf = (name: string, ...facts: string[]): TreeNode => ({ name, facts, children: [] });

describe('treeLines', () => {
  it('draws branches down to the last leaf', () => {
    const deployment = {
      ...leaf('deployment/web-r1', 'Active'),
      children: [leaf('guest/web-r1-0', 'vmid 1000 on pve1')],
    };
    const root = { ...leaf('service/web', 'Running'), children: [deployment, leaf('route/web')] };
    expect(treeLines(root)).toEqual([
      'service/web  Running',
      '├─ deployment/web-r1  Active',
      '│  └─ guest/web-r1-0  vmid 1000 on pve1',
      '└─ route/web',
    ]);
  });

  it('is one line for what has nothing below it', () => {
    expect(treeLines(leaf('secret/api'))).toEqual(['secret/api']);
  });
});
