import { describe, expect, it } from 'vitest';
import { scramLogin } from './scram.ts';

// The exchange of RFC 7677, section 3.
const SERVER_FIRST = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';

describe('scramLogin', () => {
  it('proves the password as the standard has it, and takes the proof of the server', async () => {
    const login = scramLogin('user', 'pencil', 'rOprNGfwEbeRWgbNEkqO');
    expect(login.first()).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
    expect(await login.final(SERVER_FIRST)).toContain('p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=');
    login.verify('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  });

  it('takes no server that does not know the password, nor one that repeats another nonce', async () => {
    const login = scramLogin('user', 'pencil', 'rOprNGfwEbeRWgbNEkqO');
    await login.final(SERVER_FIRST);
    expect(() => login.verify('v=AAAA')).toThrow('does not know the password');
    await expect(scramLogin('user', 'pencil', 'another').final(SERVER_FIRST)).rejects.toThrow('SCRAM');
  });
});
