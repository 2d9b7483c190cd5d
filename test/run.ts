import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/** What the tests use besides npm packages, by the file that shows that it is there. */
const debianPackages: Readonly<Record<string, string>> = {
  lxc: '/usr/bin/lxc-start',
  uidmap: '/usr/bin/newuidmap',
  'docker.io': '/usr/sbin/dockerd',
  'busybox-static': '/usr/share/doc/busybox-static/copyright',
  iproute2: '/sbin/ip',
  iptables: '/usr/sbin/iptables',
  git: '/usr/bin/git',
  caddy: '/usr/bin/caddy',
  'musl-tools': '/usr/bin/musl-gcc',
};

const Report = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
});

const totals = { passed: 0, failed: 0, skipped: 0 };
const skipped: string[] = [];
const failed: string[] = [];

installDebianPackages();
if (process.env['CONTAINR_TEST_CHECKS'] !== '0')
  runStep('checks: format, lint, types, generated files', 'npm', ['run', '--silent', 'check']);
for (const project of ['unit', 'integration', 'e2e']) runProject(project);

if (skipped.length > 0)
  console.log(
    `\nSkipped, because this machine cannot run them (each test file says why):\n${skipped.map((name) => `  ${name}`).join('\n')}`,
  );
if (failed.length > 0) console.log(`\nFailed:\n${failed.map((name) => `  ${name}`).join('\n')}`);
console.log(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped`);
process.exit(totals.failed === 0 && totals.passed > 0 ? 0 : 1);

/** A fresh Debian machine gets what the tests need; any other says itself what it cannot run. */
function installDebianPackages(): void {
  const missing = Object.entries(debianPackages).filter(([, file]) => !existsSync(file));
  if (missing.length === 0) return;
  const names = missing.map(([name]) => name);
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) {
    console.log(
      `Not installed: ${names.join(', ')}. Tests that need them are skipped; as root on Debian this command installs them.`,
    );
    return;
  }
  console.log(`Installing Debian packages: ${names.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // A package whose service cannot start here (no init system) is installed all the same.
  spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env });
  const result = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env,
  });
  if (result.status !== 0) console.log('Not all of them could be installed; tests that need them are skipped.');
}

function runStep(title: string, command: string, parameters: string[]): void {
  console.log(`\n== ${title}`);
  const result = spawnSync(command, parameters, { stdio: 'inherit' });
  if (result.status === 0) {
    totals.passed += 1;
  } else {
    totals.failed += 1;
    failed.push(title);
  }
}

function runProject(project: string): void {
  console.log(`\n== tests: ${project}`);
  const folder = mkdtempSync(join(tmpdir(), 'containr-test-'));
  const file = join(folder, 'report.json');
  const result = spawnSync(
    'vitest',
    ['run', '--project', project, '--reporter=default', '--reporter=json', `--outputFile.json=${file}`],
    {
      stdio: 'inherit',
      env: { ...process.env, FORCE_COLOR: '0' },
    },
  );
  if (existsSync(file)) count(readFileSync(file, 'utf8'));
  else {
    totals.failed += 1;
    failed.push(`${project}: no report`);
  }
  if (result.status !== 0 && totals.failed === 0) {
    totals.failed += 1;
    failed.push(`${project}: ended with ${result.status ?? result.signal}, though no test failed`);
  }
  rmSync(folder, { recursive: true, force: true });
}

function count(json: string): void {
  const report = Report.parse(JSON.parse(json));
  totals.passed += report.numPassedTests;
  totals.failed += report.numFailedTests;
  for (const { assertionResults, name, status, message } of report.testResults) {
    if (status === 'failed' && assertionResults.every((result) => result.status !== 'failed')) {
      totals.failed += 1;
      failed.push(`${name}: ${message ?? 'the file could not be run'}`);
    }
    for (const { fullName, status: outcome } of assertionResults) {
      if (outcome === 'failed') failed.push(`${name}: ${fullName}`);
      if (outcome !== 'skipped' && outcome !== 'pending') continue;
      totals.skipped += 1;
      skipped.push(fullName);
    }
  }
}
