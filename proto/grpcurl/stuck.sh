#!/usr/bin/env bash
# What only a person can resolve, with every fact that the person needs. 列出须人工处理的业务。
#
#   stuck.sh [SOCKET]
set -euo pipefail
socket=${1:-/run/yibaod/yibaod.sock}

grpcurl -plaintext -unix -max-time 10 "$socket" yibao.v1.SettlementService/ListStuck
