#!/bin/bash
# Does with the environment what the official image of MariaDB does.
set -e
if [ "${1:0:1}" = - ]; then
  set -- mariadbd "$@"
fi
datadir=/var/lib/mysql
for argument in "$@"; do
  case "$argument" in --datadir=*) datadir="${argument#--datadir=}" ;; esac
done
if [ "$1" = mariadbd ] && [ "$(id -u)" = 0 ]; then
  mkdir -p "$datadir" /run/mysqld
  find "$datadir" /run/mysqld ! -user mysql -exec chown mysql: {} +
  exec gosu mysql "$0" "$@"
fi
if [ "$1" = mariadbd ] && [ ! -d "$datadir/mysql" ]; then
  mariadb-install-db --datadir="$datadir" --skip-test-db --auth-root-authentication-method=normal --rpm \
    --default-time-zone=SYSTEM --skip-log-bin --loose-innodb_buffer_pool_load_at_startup=0 > /dev/null
  "$@" --bootstrap <<SQL
USE mysql;
FLUSH PRIVILEGES;
DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1', 'root'@'$(hostname)';
SET PASSWORD FOR 'root'@'localhost' = PASSWORD('$MARIADB_ROOT_PASSWORD');
CREATE DATABASE IF NOT EXISTS \`$MARIADB_DATABASE\`;
CREATE USER '$MARIADB_USER'@'%' IDENTIFIED BY '$MARIADB_PASSWORD';
GRANT ALL ON \`${MARIADB_DATABASE//_/\\_}\`.* TO '$MARIADB_USER'@'%';
SQL
  echo 'MariaDB init process done. Ready for start up.'
fi
exec "$@"
