import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { gitCredentials } from './credentials.ts';
import type { Stage } from './stage.ts';

/** Resolves the branch and brings the files of exactly that commit. */
export const fetchSource: Stage = async ({ git, artifacts }, { build, status, secret, log, signal }) => {
  const { source } = build.spec;
  const credentials = gitCredentials(secret);
  const repository = { url: source.repository ?? '', ...(credentials && { credentials }) };
  const wanted = status.commit ?? source.commit;
  log.write(`Fetching ${source.repository} ${wanted ?? source.branch ?? 'HEAD'}`, 'system');
  const { commit } = await git.resolve(
    repository,
    wanted === undefined ? { ...(source.branch !== undefined && { branch: source.branch }) } : { commit: wanted },
    signal,
  );
  const folder = join(artifacts.workDir, build.metadata.uid, 'source');
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, '..'), { recursive: true });
  const checkout = await git.checkout(repository, commit, folder, signal);
  log.write(`At commit ${checkout.commit}: ${checkout.message}`, 'system');
  return { commit: checkout.commit, commitMessage: checkout.message.slice(0, 200) };
};
