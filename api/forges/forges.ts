import type { Forge, ForgeType } from './forge.ts';

/** Every forge, by its type. Their libraries are large and seldom needed: each is loaded when it is first asked. */
export const forges: Readonly<Record<ForgeType, Forge>> = {
  github: { repositories: async (...asked) => (await import('./github.ts')).github.repositories(...asked) },
  gitlab: { repositories: async (...asked) => (await import('./gitlab.ts')).gitlab.repositories(...asked) },
  bitbucket: { repositories: async (...asked) => (await import('./bitbucket.ts')).bitbucket.repositories(...asked) },
};
