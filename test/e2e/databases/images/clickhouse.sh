#!/bin/bash
# Does with the environment what the official image of ClickHouse does.
set -e
folder=/var/lib/clickhouse
config=/etc/clickhouse-server/config.xml
mkdir -p "$folder" /var/log/clickhouse-server /etc/clickhouse-server/config.d
chown -R clickhouse:clickhouse "$folder" /var/log/clickhouse-server
if [ -n "$CLICKHOUSE_USER" ]; then
  mkdir -p /etc/clickhouse-server/users.d
  cat > /etc/clickhouse-server/users.d/default-user.xml <<XML
<yandex>
  <users>
    <default remove="remove"></default>
    <$CLICKHOUSE_USER>
      <profile>default</profile>
      <networks><ip>::/0</ip></networks>
      <password><![CDATA[$CLICKHOUSE_PASSWORD]]></password>
      <quota>default</quota>
    </$CLICKHOUSE_USER>
  </users>
</yandex>
XML
fi
if [ -n "$CLICKHOUSE_DB" ] && [ ! -d "$folder/data" ]; then
  gosu clickhouse clickhouse-server --config-file="$config" > /dev/null 2>&1 &
  server=$!
  for attempt in $(seq 600); do
    wget -q -O /dev/null http://127.0.0.1:8123/ping 2> /dev/null && break
    sleep 0.1
  done
  cat > /tmp/client.xml <<XML
<config>
  <host>127.0.0.1</host>
  <user>$CLICKHOUSE_USER</user>
  <password><![CDATA[$CLICKHOUSE_PASSWORD]]></password>
</config>
XML
  clickhouse-client --config-file=/tmp/client.xml --query "CREATE DATABASE IF NOT EXISTS $CLICKHOUSE_DB"
  rm /tmp/client.xml
  kill "$server"
  wait "$server" || true
fi
# Only now, so that nobody takes the server that sets things up for the one that serves.
cat > /etc/clickhouse-server/config.d/listen.xml <<XML
<yandex>
  <listen_host>::</listen_host>
  <listen_host>0.0.0.0</listen_host>
  <listen_try>1</listen_try>
</yandex>
XML
if [ $# -lt 1 ] || [ "${1:0:2}" = -- ]; then
  exec gosu clickhouse clickhouse-server --config-file="$config" "$@"
fi
exec "$@"
