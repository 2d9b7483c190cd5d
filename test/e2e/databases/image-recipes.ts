/** The engines that run for real in the tests. */
export const realEngines = ['postgresql', 'mariadb', 'redis', 'clickhouse'] as const;
export type RealEngine = (typeof realEngines)[number];

/** An image that keeps the contract of an official one: its variables, paths, ports, user, entrypoint and programs. */
export interface ImageRecipe {
  /** Also the name of its entrypoint in `images/`. */
  name: string;
  repository: string;
  /** Of one series, the older first. They say nothing of what is inside, which is Debian's version for both. */
  tags: readonly [string, string];
  /** Debian's packages that come with all that they need. */
  packages: readonly string[];
  /** Packages of which the programs are wanted, but not what they need on a whole machine. */
  alone: readonly string[];
  /** What of them is left out, to keep the image small or because nothing in it could use it. */
  without: readonly string[];
  /** The name and number of the user that the server runs as. */
  user: { name: string; id: number };
  entrypoint: string;
  dockerfile: readonly string[];
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** From Debian's packages; its versions are those of Debian, whatever the tags say. */
export const recipes: Readonly<Record<RealEngine, ImageRecipe>> = {
  postgresql: {
    name: 'postgresql',
    repository: 'postgres',
    tags: ['15', '15.99'],
    packages: [
      'libc-bin',
      'libgssapi-krb5-2',
      'libicu72',
      'libldap-2.5-0',
      'libpam0g',
      'libpq5',
      'libreadline8',
      'libselinux1',
      'libsystemd0',
      'libuuid1',
      'libxml2',
      'tzdata',
    ],
    alone: ['postgresql-15', 'postgresql-client-15'],
    without: ['usr/lib/postgresql/15/lib/bitcode', 'usr/lib/postgresql/15/lib/llvmjit.so'],
    user: { name: 'postgres', id: 999 },
    entrypoint: '/usr/local/bin/docker-entrypoint.sh',
    dockerfile: [
      `ENV PATH=/usr/lib/postgresql/15/bin:${PATH} LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data`,
      'VOLUME /var/lib/postgresql/data',
      'ENTRYPOINT ["docker-entrypoint.sh"]',
      'STOPSIGNAL SIGINT',
      'EXPOSE 5432',
      'CMD ["postgres"]',
    ],
  },
  mariadb: {
    name: 'mariadb',
    repository: 'mariadb',
    tags: ['10.11', '10.11.99'],
    packages: ['mariadb-server-core', 'mariadb-client-core', 'tzdata'],
    alone: ['mariadb-client', 'mariadb-common'],
    without: [
      ...['access', 'binlog', 'conv', 'import', 'plugin', 'show', 'slap', 'tzinfo-to-sql', 'waitpid'].map(
        (name) => `usr/bin/mariadb-${name}`,
      ),
      ...['innochecksum', 'innotop', 'mytop', 'perror', 'replace', 'resolve_stack_dump'].map(
        (name) => `usr/bin/${name}`,
      ),
    ],
    user: { name: 'mysql', id: 999 },
    entrypoint: '/usr/local/bin/docker-entrypoint.sh',
    dockerfile: [
      `ENV PATH=${PATH} LANG=C.UTF-8`,
      'VOLUME /var/lib/mysql',
      'ENTRYPOINT ["docker-entrypoint.sh"]',
      'EXPOSE 3306',
      'CMD ["mariadbd"]',
    ],
  },
  redis: {
    name: 'redis',
    repository: 'redis',
    tags: ['7.2', '7.2.99'],
    packages: ['redis-tools'],
    alone: ['redis-server'],
    without: [],
    user: { name: 'redis', id: 999 },
    entrypoint: '/usr/local/bin/docker-entrypoint.sh',
    dockerfile: [
      `ENV PATH=${PATH}`,
      'VOLUME /data',
      'WORKDIR /data',
      'ENTRYPOINT ["docker-entrypoint.sh"]',
      'EXPOSE 6379',
      'CMD ["redis-server"]',
    ],
  },
  clickhouse: {
    name: 'clickhouse',
    repository: 'clickhouse/clickhouse-server',
    tags: ['24.8', '24.8.99'],
    packages: ['clickhouse-server', 'clickhouse-client', 'tzdata'],
    alone: [],
    without: [],
    user: { name: 'clickhouse', id: 101 },
    entrypoint: '/entrypoint.sh',
    dockerfile: [
      `ENV PATH=${PATH} TZ=UTC CLICKHOUSE_CONFIG=/etc/clickhouse-server/config.xml`,
      'VOLUME /var/lib/clickhouse',
      'ENTRYPOINT ["/entrypoint.sh"]',
      'EXPOSE 8123 9000 9009',
    ],
  },
};
