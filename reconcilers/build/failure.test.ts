import { describe, expect, it } from 'vitest';
import { Fault } from '../../controller/errors.ts';
import { BuildpackFault } from '../providers/buildpack/fault.ts';
import { DockerFault } from '../providers/docker/fault.ts';
import { GitFault } from '../providers/git/fault.ts';
import { verdictOn } from './failure.ts';

describe('verdictOn', () => {
  it.each([
    [new GitFault('notFound', 'x'), 'failed', 'SourceNotFound'],
    [new GitFault('refNotFound', 'x'), 'failed', 'SourceNotFound'],
    [new GitFault('denied', 'x'), 'failed', 'SourceDenied'],
    [new GitFault('notAllowed', 'x'), 'failed', 'SourceNotAllowed'],
    [new GitFault('tooLarge', 'x'), 'failed', 'SourceTooLarge'],
    [new GitFault('unavailable', 'x'), 'again', 'SourceUnavailable'],
    [new DockerFault('buildFailed', 'x'), 'failed', 'BuildFailed'],
    [new DockerFault('dockerfileNotFound', 'x'), 'failed', 'DockerfileNotFound'],
    [new DockerFault('imageNotFound', 'x'), 'failed', 'ImageNotFound'],
    [new DockerFault('denied', 'x'), 'failed', 'ImageNotFound'],
    [new DockerFault('invalid', 'x'), 'failed', 'BuildFailed'],
    [new DockerFault('unreachable', 'x'), 'again', 'BuilderUnreachable'],
    [new DockerFault('noSpace', 'x'), 'again', 'StorageFull'],
    [new DockerFault('toolMissing', 'x'), 'again', 'ToolMissing'],
    [new BuildpackFault('missing', 'x'), 'again', 'ToolMissing'],
    [new BuildpackFault('failed', 'x'), 'failed', 'BuildFailed'],
    [new BuildpackFault('late', 'x'), 'again', 'BuilderUnreachable'],
    [new Fault('Invalid', 'x'), 'failed', 'Rejected'],
    [new Fault('Exhausted', 'x'), 'again', 'StorageFull'],
  ])('%s is %s as %s, in its own words', (error, verdict, reason) => {
    expect(verdictOn(error)).toEqual({ verdict, reason, message: 'x' });
  });

  it('tries again after what nobody foresaw, and keeps its words for the log', () => {
    expect(verdictOn(new TypeError('secret inside'))).toMatchObject({ verdict: 'again', reason: 'InternalError' });
    expect(verdictOn(new TypeError('secret inside')).message).not.toContain('secret inside');
  });
});
