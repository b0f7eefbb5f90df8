#!/bin/sh
# Writes the lists of nodes that conf.d/crowdcue.conf includes.
#
# Nginx's official image runs it at start (/docker-entrypoint.d). By hand, on a machine of your own:
#   CROWDCUE_NODES="10.0.0.11 10.0.0.12 10.0.0.13:8081:50052" nginx/nodes.sh /etc/nginx/conf.d
#
# CROWDCUE_NODES     a number N for node1 ... nodeN, or hosts, each as host[:port[:grpc-port]] (8080 and 50051)
# CROWDCUE_RESOLVER  a DNS server that is asked again and again, because containers change their addresses
#                    (needs Nginx 1.27.3 or later); empty: names are looked up once, at start
set -eu

folder=${1:-/etc/nginx/conf.d}
nodes=${CROWDCUE_NODES:?a number, or a list of hosts}
resolver=${CROWDCUE_RESOLVER:-}

# 100 failures within 5 s take a node out for 5 s. High, because a room that reconnects all at once makes a healthy node
# refuse a few; not endless, so that a machine that is gone does not cost every guest a timeout.
options="max_fails=100 fail_timeout=5s${resolver:+ resolve}"

case $nodes in
    *[!0-9]*) ;;
    *)
        count=$nodes
        nodes=
        number=1
        while [ "$number" -le "$count" ]; do
            nodes="$nodes node$number"
            number=$((number + 1))
        done
        ;;
esac

http=
grpc=
for node in $nodes; do
    host=${node%%:*}
    ports=${node#"$host"}
    port=8080
    grpc_port=50051
    case $ports in
        :*:*) port=${ports#:} && port=${port%%:*} && grpc_port=${ports##*:} ;;
        :*) port=${ports#:} ;;
    esac
    http="${http}server $host:$port $options;
"
    grpc="${grpc}server $host:$grpc_port $options;
"
done

[ -n "$http" ] || { echo "nodes.sh: CROWDCUE_NODES names no node" >&2; exit 1; }
printf '%s' "$http" > "$folder/crowdcue-nodes-http.inc"
printf '%s' "$grpc" > "$folder/crowdcue-nodes-grpc.inc"
if [ -n "$resolver" ]; then
    echo "resolver $resolver valid=2s ipv6=off;" > "$folder/crowdcue-resolver.conf"
else
    rm -f "$folder/crowdcue-resolver.conf"
fi
