#!/usr/bin/env bash
# Checks what the image of the Dockerfile holds, without docker: that its build command makes a
# static binary, which serves from an otherwise empty root directory as an unprivileged user.
# Needs root, for chroot.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$(mktemp -d)
server=
cleanup() {
	if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; fi
	rm -rf "$root"
}
trap cleanup EXIT

build=$(sed -n 's/^RUN \(CGO_ENABLED=0 go build .*\)$/\1/p' Dockerfile)
[ -n "$build" ] || { echo "the Dockerfile has no build command"; exit 1; }
eval "${build//\/out\//$root/}"
if readelf -l "$root/neurondex" | grep -q INTERP; then
	echo "the binary is not static"; exit 1
fi

mkdir -p "$root/etc/neurondex"
cp examples/datasets/*.toml examples/datasets/*.json "$root/etc/neurondex/"
chmod -R a=rX "$root"
chmod a+rx "$root"
port=${PORT:-18080}
chroot --userspec=65532:65532 "$root" /neurondex serve --listen "127.0.0.1:$port" --dir /etc/neurondex &
server=$!
for _ in $(seq 50); do
	if curl -fsS "http://127.0.0.1:$port/readyz" >/dev/null 2>&1; then break; fi
	sleep 0.1
done
curl -fsS "http://127.0.0.1:$port/v1/datasets" | grep -q '"gpt2-xl"'
kill -TERM "$server"
wait "$server"
server=
echo "static, and serves from an empty root as user 65532"
