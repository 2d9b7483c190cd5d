import { CliError } from './exit.ts';
import { MOST_BYTES, readManifests, type ManifestEntry } from './manifest-files.ts';
import { disconnected } from './streamed-lines.ts';

const ANSWER_MS = 30_000;
const MOST_REDIRECTS = 5;

/** Like `readManifests`, of addresses too: https alone, without a password, and no larger than a file may be. */
export async function loadManifests(paths: readonly string[]): Promise<ManifestEntry[]> {
  const addresses = [...new Set(paths.filter((path) => /^[a-z][a-z0-9+.-]*:\/\//i.test(path)))];
  const downloads = await Promise.all(
    addresses.map(async (address) => [address, await download(address)] satisfies [string, Buffer]),
  );
  return readManifests(paths, new Map(downloads));
}

async function download(address: string): Promise<Buffer> {
  const signal = AbortSignal.timeout(ANSWER_MS);
  let url = httpsUrl(address, address);
  for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects += 1) {
    const response = await ask(url, signal);
    const location = response.status >= 300 && response.status < 400 ? response.headers.get('location') : null;
    if (location === null) return contentOf(response, address);
    await response.body?.cancel();
    // Each step by hand: whoever redirects to plain http would let others write the manifests.
    url = httpsUrl(new URL(location, url).href, address);
  }
  throw new CliError('usage', `${address}: leads from one address to the next without end.`);
}

function httpsUrl(text: string, address: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.username === '' && url.password === '') return url;
  const what = text === address ? 'is' : `leads to ${text}, which is`;
  throw new CliError('usage', `${address}: ${what} not taken. Use an https address without a password in it.`);
}

async function ask(url: URL, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(url, { signal, redirect: 'manual', headers: { 'user-agent': 'containr-cli' } });
  } catch (cause) {
    throw disconnected(url.origin, cause);
  }
}

async function contentOf(response: Response, address: string): Promise<Buffer> {
  if (!response.ok) throw new CliError('usage', `${address}: the server answers ${response.status}, not a file.`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of response.body ?? []) {
      chunks.push(chunk);
      size += chunk.byteLength;
      // What is too large is not read to its end; the reader of files says what is wrong with it.
      if (size > MOST_BYTES) break;
    }
  } catch (cause) {
    throw disconnected(new URL(address).origin, cause);
  }
  return Buffer.concat(chunks);
}
