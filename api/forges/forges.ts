import { bitbucket } from './bitbucket.ts';
import type { Forge, ForgeType } from './forge.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';

/** Every forge, by its type. */
export const forges: Readonly<Record<ForgeType, Forge>> = { github, gitlab, bitbucket };
