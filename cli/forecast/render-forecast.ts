import { plainLine } from '../text.ts';
import { totalsOf, type ObjectForecast, type Sign, type Totals } from './forecast.ts';

const verbs: Readonly<Record<Exclude<Sign, ' '>, string>> = {
  '+': 'is created',
  '~': 'is changed',
  '-': 'is deleted',
  '-/+': 'is changed, with other guests',
};

/** The forecast for people: a block for each object, and one line that sums it up. Pure. */
export function forecastLines(forecasts: readonly ObjectForecast[]): string[] {
  if (forecasts.length === 0) return ['Nothing would change.'];
  const lines = forecasts.flatMap(({ sign, name, project, actions, downtime }) => {
    const place = project === undefined ? '' : ` in ${project}`;
    const verb = sign === ' ' ? 'stays' : verbs[sign];
    return [
      `${sign.padEnd(3)} ${name}${place} ${verb}`,
      ...actions.map((action) => `      ${action.sign.padEnd(3)} ${plainLine(action.text)}`),
      ...(downtime === undefined ? [] : [`          downtime: ${downtime}`]),
    ];
  });
  return [...lines, '', totalsLine(totalsOf(forecasts))];
}

function totalsLine({ created, changed, pruned, guestsMade, guestsDestroyed, disksMade, builds }: Totals): string {
  const objects = `Plan: ${created} to create, ${changed} to change, ${pruned} to delete.`;
  const world = [
    count(guestsMade, 'guest made', 'guests made'),
    count(guestsDestroyed, 'guest destroyed', 'guests destroyed'),
    count(disksMade, 'disk made', 'disks made'),
  ].filter((text) => text !== undefined);
  const proxmox = world.length === 0 ? 'Nothing changes on Proxmox.' : `On Proxmox: ${world.join(', ')}.`;
  return `${objects} ${proxmox}${builds === 0 ? '' : ` Builds: ${builds}.`}`;
}

function count(number: number, one: string, many: string): string | undefined {
  return number === 0 ? undefined : `${number} ${number === 1 ? one : many}`;
}
