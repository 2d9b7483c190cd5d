/** One object in a tree. */
export interface TreeNode {
  name: string;
  facts: readonly string[];
  children: readonly TreeNode[];
}

/** The tree as lines, with its branches drawn. */
export function treeLines(root: TreeNode): string[] {
  return [lineOf(root), ...branches(root, '')];
}

function branches({ children }: TreeNode, indent: string): string[] {
  return children.flatMap((child, index) => {
    const isLast = index === children.length - 1;
    return [
      `${indent}${isLast ? '└─ ' : '├─ '}${lineOf(child)}`,
      ...branches(child, `${indent}${isLast ? '   ' : '│  '}`),
    ];
  });
}

function lineOf({ name, facts }: TreeNode): string {
  return facts.length === 0 ? name : `${name}  ${facts.join(', ')}`;
}
