#!/usr/bin/env bash
# Runs a command on a private X display (Mesa software GL), so that window tests see the same screen everywhere.
set -u
export QT_QPA_PLATFORM=xcb LIBGL_ALWAYS_SOFTWARE=1
if command -v xvfb-run >/dev/null; then
  exec xvfb-run -a -s "-screen 0 1920x1080x24 +extension GLX" "$@"
fi
if [ -n "${DISPLAY:-}" ]; then exec "$@"; fi
echo "No display and no xvfb-run: install the package xvfb, then run again." >&2
exit 1
