import type { EngineDefinition } from './engine-definition.ts';

/** A version as it is asked for, and the series whose data it reads; or why there is none such. */
export type VersionChoice =
  | { ok: true; version: string; series: string; image: string }
  | { ok: false; message: string };

/** The version that a spec asks for; the newest series without one. Pure. */
export function chooseVersion(
  { title, image, series, tag }: EngineDefinition,
  wanted: string | undefined,
): VersionChoice {
  const version = wanted ?? series[0];
  const found = series.find((one) => version === one || version.startsWith(`${one}.`));
  if (found !== undefined)
    return { ok: true, version, series: found, image: `${image}:${tag ? tag(version) : version}` };
  const offered = series.join(', ');
  return {
    ok: false,
    message: `${title} ${version} is not offered. Set spec.version to one of ${offered}, or to a release of one.`,
  };
}

/** Whether going from one version of a series to another is a step back, which data may not survive. Pure. */
export function isOlder(wanted: string, current: string): boolean {
  const [a, b] = [numbers(wanted), numbers(current)];
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function numbers(version: string): number[] {
  return (version.match(/^[0-9.]+/)?.[0] ?? '').split('.').filter(Boolean).map(Number);
}
