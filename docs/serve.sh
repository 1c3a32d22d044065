#!/usr/bin/env bash
# Draws serve.png from what two terminals of 100 columns show: a shell, and the server.
# It needs tmux, curl, rsvg-convert, and freeze (go install github.com/charmbracelet/freeze@v0.2.2).
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
go build -o "$work/neurondex" ./cmd/neurondex
mkdir "$work/datasets"
cp examples/datasets/{10-gpt2-xl,20-gpt2-small}.toml "$work"

terminals="tmux -L neurondex-$$ -f /dev/null"
trap '$terminals send-keys -t server C-c; $terminals kill-server; rm -r "$work"' EXIT
for name in shell server; do
  $terminals new-session -d -s $name -x 100 -y 30 "cd $work && PATH=$work:\$PATH PS1='\$ ' TERM=xterm-256color bash --norc --noprofile"
done
show() { $terminals capture-pane -ep -t "$1"; }
until show shell | grep -q '^\$' && show server | grep -q '^\$'; do sleep 0.1; done

# enter TERMINAL COMMAND TEXT types a command and waits until the server or the shell shows a text.
enter() {
  $terminals send-keys -t "$1" -l "$2"
  $terminals send-keys -t "$1" Enter
  until { show shell; show server; } | grep -q -- "$3"; do sleep 0.1; done
}

enter server "neurondex serve --dir datasets" "serving"
enter shell "cp 10-gpt2-xl.toml 20-gpt2-small.toml datasets/" "3 added"
enter shell "sed -i s/attn_write_norm/attn_write_nrom/ datasets/20-gpt2-small.toml" "last good"
enter shell "curl localhost:8000/v1/datasets/gpt2-small/attn_write_norm   # is still served" '"}'
enter shell "sed -i 's/_nrom/_norm/; s/token pair/token/' datasets/20-gpt2-small.toml" "1 updated"
$terminals send-keys -t server C-c
until show server | grep -q stopped; do sleep 0.1; done

{ show shell | grep -v '^\$ *$\|^$'; printf '\n\e[2m%s\e[0m\n' "$(printf '%.0s─' {1..100})"; show server | grep -v '^\$ *$\|^$'; } |
  freeze --language ansi --output "$work/serve.svg" --font.family "DejaVu Sans Mono" --font.size 14 --padding 24 --border.radius 8
rsvg-convert --width 1200 "$work/serve.svg" >docs/serve.png
