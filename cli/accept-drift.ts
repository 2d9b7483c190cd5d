/** One setting that is not as declared, as a Guest's status tells it. */
export interface DriftedField {
  field: string;
  declared: string;
  found: string;
  since: string;
}

export type Accepted = { ok: true; resources: Record<string, string> } | { ok: false; message: string };

/** What `spec.resources` of a service has to say so that what was found is declared; why not, where it cannot. Pure. */
export function acceptedResources(drift: readonly DriftedField[]): Accepted {
  const found = new Map(drift.map((one) => [one.field, one.found]));
  const stranger = drift.find(({ field }) => !['memory', 'cores', 'cpulimit'].includes(field));
  if (stranger) {
    return { ok: false, message: `${stranger.field} is ${stranger.found}, and no field of a service says that.` };
  }
  const memory = found.get('memory');
  const cpu = cpuOf(found.get('cores'), found.get('cpulimit'));
  if (cpu === 'none') {
    const [cores, limit] = [found.get('cores'), found.get('cpulimit')];
    const message =
      cores === undefined
        ? 'The limit of its cores was taken off, which no field of a service says. Set spec.resources.cpu to what it shall have.'
        : `${cores} cores with a limit of ${limit} cannot be said: a service has as many cores as its limit needs.`;
    return { ok: false, message };
  }
  return {
    ok: true,
    resources: { ...(memory !== undefined && { memory: `${memory}Mi` }), ...(cpu !== undefined && { cpu }) },
  };
}

/** A limit of nothing is none: all cores. */
function cpuOf(cores: string | undefined, limit: string | undefined): string | undefined {
  const limited = limit === undefined || Number(limit) === 0 || Number.isNaN(Number(limit)) ? undefined : limit;
  if (limited === undefined) return cores ?? (limit === undefined ? undefined : 'none');
  return cores === undefined || Number(cores) === Math.ceil(Number(limited)) ? limited : 'none';
}
