import { StorageFault, type StorageMeaning } from './fault.ts';

/** What an S3 server answered, read in full. */
export interface S3Answer {
  status: number;
  headers: Readonly<Record<string, string | string[] | undefined>>;
  text: string;
}

/** Codes of S3 that several servers use in the same sense. The words beside them are for people and differ. */
const meanings: Readonly<Record<string, StorageMeaning>> = {
  NoSuchBucket: 'noBucket',
  NoSuchKey: 'absent',
  NoSuchUpload: 'absent',
  AccessDenied: 'denied',
  InvalidAccessKeyId: 'denied',
  SignatureDoesNotMatch: 'denied',
  ExpiredToken: 'denied',
  AuthorizationHeaderMalformed: 'denied',
  RequestTimeTooSkewed: 'denied',
  AllAccessDisabled: 'denied',
  PermanentRedirect: 'elsewhere',
  TemporaryRedirect: 'elsewhere',
  SlowDown: 'unreachable',
  InternalError: 'unreachable',
  ServiceUnavailable: 'unreachable',
  RequestTimeout: 'unreachable',
  XMinioStorageFull: 'full',
  QuotaExceeded: 'full',
  XAmzContentSHA256Mismatch: 'damaged',
  BadDigest: 'damaged',
  InvalidPart: 'damaged',
};

/** What a refusal means, said for people: `what` names the request, as in "PUT shop/x.tar of bucket b at https://s3". */
export function refusalOf({ status, headers, text }: S3Answer, what: string): StorageFault {
  const code = xmlText(text, 'Code');
  const isOtherRegion = code === 'AuthorizationHeaderMalformed' && xmlText(text, 'Region') !== undefined;
  const meaning = isOtherRegion ? 'elsewhere' : (code !== undefined && meanings[code]) || meaningOf(status);
  const said = code === undefined ? `status ${status}` : `${code} (status ${status})`;
  if (meaning === 'elsewhere') {
    const region = xmlText(text, 'Region') ?? one(headers['x-amz-bucket-region']);
    const host = hostOf(one(headers['location'])) ?? xmlText(text, 'Endpoint');
    const hints = [
      host !== undefined && `the server ${plain(host)}`,
      region !== undefined && `region ${plain(region)}`,
    ];
    const named = hints.filter((hint) => hint !== false).join(' and ');
    const to = named === '' ? 'elsewhere' : `to ${named}`;
    return new StorageFault('elsewhere', `${what} was sent ${to}, which is not followed. Correct endpoint and region.`);
  }
  return new StorageFault(meaning, `${what} was refused: ${plain(said)}.${adviceFor(meaning)}`);
}

function meaningOf(status: number): StorageMeaning {
  if (status >= 300 && status < 400) return 'elsewhere';
  if (status === 401 || status === 403) return 'denied';
  if (status === 404) return 'absent';
  if (status === 507) return 'full';
  return status === 408 || status === 429 || status >= 500 ? 'unreachable' : 'refused';
}

function adviceFor(meaning: StorageMeaning): string {
  switch (meaning) {
    case 'denied':
      return ' Check the Secret, what its key may do, the region, and the clock of this machine.';
    case 'noBucket':
      return ' Make the bucket, or correct its name.';
    case 'full':
      return ' Free space there.';
    case 'damaged':
      return ' It is sent again.';
    case 'unreachable':
    case 'absent':
    case 'elsewhere':
    case 'tooLarge':
    case 'refused':
      return '';
    default:
      return meaning satisfies never;
  }
}

/** The text of the first element of this name, which holds no elements of its own. */
export function xmlText(xml: string, name: string): string | undefined {
  const [, text] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  return text === undefined ? undefined : unescape(text);
}

/** What each element of this name holds. */
export function xmlParts(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))].map(([, inner]) => inner ?? '');
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

function unescape(text: string): string {
  return text.replaceAll(
    /&(?:(lt|gt|quot|apos|amp)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/g,
    (whole, name, decimal, hex) => {
      if (typeof name === 'string') return entities[name] ?? whole;
      const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}

/** The other side chooses these words: one short line without control characters. */
function plain(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 120);
}

/** A place that it was sent to may hold a signature in its query. */
function hostOf(location: string | undefined): string | undefined {
  return location !== undefined && URL.canParse(location) ? new URL(location).host : undefined;
}

function one(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
