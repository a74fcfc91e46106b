#!/usr/bin/env bash
# Is the daemon there and serving? The standard health service of gRPC. 守护进程是否可用。
#
#   health.sh [SOCKET]
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}

grpcurl -plaintext -unix -max-time 5 "$socket" grpc.health.v1.Health/Check
