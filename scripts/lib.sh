# Shared by the scripts in this folder: where things are, and how they speak. Sourced, never run.
set -euo pipefail

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="$ROOT/.venv"
CACHE="$ROOT/.cache"
cd "$ROOT"

# One line for each thing done; the seconds since the script began let a reader see what takes long.
SECONDS=0
say() { printf '[%3ds] %s\n' "$SECONDS" "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Run a long command quietly with a dot every few seconds; show its output only when it fails.
quietly() {
    local log="$CACHE/last-step.log" status=0
    mkdir -p "$CACHE"
    "$@" >"$log" 2>&1 &
    local pid=$!
    ( while sleep 5 && kill -0 "$pid" 2>/dev/null; do printf '.' >&2; done ) &
    local dots=$!
    wait "$pid" || status=$?
    kill "$dots" 2>/dev/null || true
    wait "$dots" 2>/dev/null || true
    [ "$SECONDS" -lt 5 ] || printf '\r' >&2
    if [ "$status" -ne 0 ]; then
        tail -n 40 "$log" >&2
        return "$status"
    fi
}
