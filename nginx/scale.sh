#!/bin/sh
# Prints what Compose needs for another number of nodes than five:
#   nginx/scale.sh 8 > compose.override.yaml && docker compose up --detach --wait
#
# Nodes are services with names of their own (node1, node2, ...) and not replicas of one service: Nginx's consistent hash
# tells servers apart by their names, and a rolling update takes one after the other by its name.
set -eu

count=${1:?how many nodes}
case $count in
    *[!0-9]* | 0*) echo "scale.sh: '$count' is not a number of nodes" >&2; exit 2 ;;
esac
in_compose=5

echo "# Written by nginx/scale.sh $count"
echo "services:"
number=1
while [ "$number" -le "$in_compose" ] || [ "$number" -le "$count" ]; do
    if [ "$number" -gt "$count" ]; then
        # Not started, and not waited for.
        echo "  node$number: {profiles: [unused]}"
    elif [ "$number" -gt "$in_compose" ]; then
        echo "  node$number: {extends: {file: compose.yaml, service: node2}}"
    fi
    number=$((number + 1))
done
echo "  nginx:"
echo "    environment: {CROWDCUE_NODES: $count}"
echo "    depends_on: !override"
number=1
while [ "$number" -le "$count" ]; do
    echo "      node$number: {condition: service_healthy}"
    number=$((number + 1))
done
