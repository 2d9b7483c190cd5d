/** The database answers and does not let us in, or not do what a login may do. The message holds no credential. */
export class LoginRefused extends Error {}
