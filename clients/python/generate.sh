#!/usr/bin/env bash
# Generates the Python client from proto/ alone:  clients/python/generate.sh FOLDER
# Needs a Python with grpcio-tools (`pip install grpcio-tools`); PYTHON names it.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: $0 FOLDER" >&2
    exit 2
fi
# Found before the folder changes: it may be a path from here.
python=$(command -v "${PYTHON:-python3}") || {
    echo "there is no Python ${PYTHON:-python3}" >&2
    exit 2
}
case $python in
/*) ;;
*) python=$PWD/$python ;;
esac
mkdir -p "$1"
out=$(cd "$1" && pwd)
proto=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../proto" && pwd)

# The copies of Google's files in proto/ are compiled too, so that nothing else has
# to be installed beside grpcio and protobuf.
cd "$proto"
find . -name '*.proto' | sort | sed 's|^\./||' | xargs "$python" -m grpc_tools.protoc \
    --proto_path=. --python_out="$out" --pyi_out="$out" --grpc_python_out="$out"
