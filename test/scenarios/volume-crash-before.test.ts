import { volumeCrashMatrix } from './volume-crash.ts';

volumeCrashMatrix('before');
