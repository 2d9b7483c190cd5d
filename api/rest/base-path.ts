/** Where the contract is served. */
export const BASE = '/api/v1';
