import { decodeBson, encodeBson, type BsonDocument, type BsonValue } from './bson.ts';
import type { DatabaseAnswer, DatabaseTarget } from './client.ts';
import { LoginRefused } from './login-refused.ts';
import { scramLogin } from './scram.ts';
import { WireError, type Wire } from './wire.ts';

const OP_MSG = 2013;
/** Unauthorized and AuthenticationFailed. */
const REFUSALS: ReadonlySet<BsonValue | undefined> = new Set([13, 18]);

/** Logs in by SCRAM-SHA-256 and asks for buildInfo, serverStatus and dbStats over MongoDB's protocol. */
export async function askMongodb(
  wire: Wire,
  { username, password, database }: DatabaseTarget,
): Promise<DatabaseAnswer> {
  await command(wire, { hello: 1, $db: 'admin' });
  const login = scramLogin(username, password);
  const first = await command(wire, {
    saslStart: 1,
    mechanism: 'SCRAM-SHA-256',
    payload: Buffer.from(login.first()),
    options: { skipEmptyExchange: true },
    $db: 'admin',
  });
  const conversation = numberOf(first['conversationId']);
  const last = await command(wire, {
    saslContinue: 1,
    conversationId: conversation,
    payload: Buffer.from(await login.final(payloadOf(first))),
    $db: 'admin',
  });
  login.verify(payloadOf(last));

  const { version } = await command(wire, { buildInfo: 1, $db: 'admin' });
  const { connections } = await command(wire, { serverStatus: 1, metrics: 0, locks: 0, wiredTiger: 0, $db: 'admin' });
  const { storageSize } = await command(wire, { dbStats: 1, $db: database });
  return {
    ok: true,
    version: typeof version === 'string' ? version : '',
    connections: isDocument(connections) ? numberOf(connections['current']) : 1,
    dataBytes: typeof storageSize === 'number' ? storageSize : undefined,
  };
}

async function command(wire: Wire, document: BsonDocument): Promise<BsonDocument> {
  const body = Buffer.concat([Buffer.alloc(5), encodeBson(document)]);
  const head = Buffer.alloc(16);
  head.writeInt32LE(16 + body.length, 0);
  head.writeInt32LE(1, 4);
  head.writeInt32LE(OP_MSG, 12);
  wire.write(Buffer.concat([head, body]));

  const answerHead = await wire.read(16);
  if (answerHead.readInt32LE(12) !== OP_MSG) throw new WireError('what answers is not MongoDB');
  const answer = await wire.read(Math.max(0, answerHead.readInt32LE(0) - 16));
  // Four bytes of flags and the kind of the section, which is 0 for the one that every answer has.
  if (answer.readUInt8(4) !== 0) throw new WireError('what answers is not MongoDB');
  const read = decodeBson(answer.subarray(5));
  if (read['ok'] === 1) return read;
  if (REFUSALS.has(read['code'])) throw new LoginRefused('the login is refused');
  throw new WireError(typeof read['errmsg'] === 'string' ? read['errmsg'] : 'it refuses without words');
}

function payloadOf({ payload }: BsonDocument): string {
  if (!Buffer.isBuffer(payload)) throw new WireError('its login is not as it must be');
  return payload.toString('utf8');
}

function numberOf(value: BsonValue | undefined): number {
  return typeof value === 'number' ? value : 0;
}

function isDocument(value: BsonValue | undefined): value is BsonDocument {
  return typeof value === 'object' && !Buffer.isBuffer(value);
}
