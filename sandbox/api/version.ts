/** The release that is served. */
export const version = { version: '9.2.11', release: '9.2', repoid: '14a22df35955d97d' } as const;
