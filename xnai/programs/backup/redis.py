"""How Redis writes its data out."""

from __future__ import annotations

# Inside Redis' container. SAVE answers when the file is on the disk; nobody is served meanwhile,
# and nobody writes: the services that do are paused, or stopped next. A save in the background is
# waited for, since SAVE is refused beside one.
SAVE = """
export REDISCLI_AUTH="$(cat /run/secrets/redis_password)"
end=$(($(date +%s) + 600))
while redis-cli info persistence | grep -q '^rdb_bgsave_in_progress:1'; do
    [ "$(date +%s)" -lt $end ] || exit 3
    sleep 0.2
done
said=$(redis-cli save)
[ "$said" = OK ] || { echo "SAVE: $said: the log of Redis says why" >&2; exit 1; }
"""
