/** Where the certificate of a host comes from: a public authority, the proxy's own, or none at all. */
export type TlsMode = 'auto' | 'internal' | 'off';

export interface ProxyHost {
  /** `app.example.com`, or `*.example.com` for every name one label below. */
  host: string;
  tls: TlsMode;
}

/** The way from host names to the guests behind them. */
export interface ProxyRoute {
  /** Unique among ours; letters, digits and "-". */
  id: string;
  hosts: readonly ProxyHost[];
  /** `10.0.0.5:8080`, `[fd00::5]:8080`. None answers 503 on its hosts. */
  upstreams: readonly string[];
}

/** What holds for all routes. */
export interface ProxySettings {
  httpPort: number;
  httpsPort: number;
  /** Address that it listens on; all without one. */
  bind?: string | undefined;
  /** Told to the certificate authority. */
  email?: string | undefined;
}

/** All of ours in a proxy. */
export interface ProxyTable {
  settings: ProxySettings;
  routes: ReadonlyMap<string, ProxyRoute>;
}

/** What a look at the proxy found. */
export interface ProxyReading {
  /** Names this state; a write is made over exactly this one. */
  revision: string;
  routes: ReadonlyMap<string, ProxyRoute>;
}

/** What this proxy can do. */
export interface ProxyFeatures {
  /** Whether WebSockets outlive a change of the routes. */
  keepsStreams: boolean;
}

/**
 * A reverse proxy as loops see it: a table that is read and written as a whole. What is not ours is never changed. Throws
 * ProxyFault, whose message says what to do.
 */
export interface ProxyClient {
  features(signal: AbortSignal): Promise<ProxyFeatures>;
  /** A small call: whether ours stands as it was last read or written here. */
  stands(signal: AbortSignal): Promise<boolean>;
  read(signal: AbortSignal): Promise<ProxyReading>;
  /**
   * Puts the table in the place of what was read as `revision`; ProxyFault `changed` when that is not what stands. Requests
   * under way are finished. What is answered was read back after the proxy took it. Nothing is changed for nothing.
   */
  write(table: ProxyTable, revision: string, signal: AbortSignal): Promise<ProxyReading>;
  /** Takes out all that is ours. */
  clear(revision: string, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
