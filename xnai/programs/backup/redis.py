"""How Redis writes its data out."""

from __future__ import annotations

_SAVE_TIMEOUT_S = 600

# Inside Redis' container. LASTSAVE counts whole seconds: the save must be in a later one.
SAVE = """
export REDISCLI_AUTH="$(cat /run/secrets/redis_password)"
info() { redis-cli info persistence | tr -d '\\r' | grep -q "^$1\\$"; }
end=$(($(date +%s) + @TIMEOUT@))
until info rdb_bgsave_in_progress:0; do
    [ "$(date +%s)" -lt $end ] || exit 3
    sleep 0.2
done
before=$(redis-cli lastsave)
while [ "$(redis-cli time | head -n 1)" = "$before" ]; do sleep 0.2; done
redis-cli bgsave >/dev/null
until info rdb_bgsave_in_progress:0 && [ "$(redis-cli lastsave)" != "$before" ]; do
    if info rdb_last_bgsave_status:err; then
        echo "rdb_last_bgsave_status is err: the log of Redis says why" >&2
        exit 1
    fi
    if [ "$(date +%s)" -ge $end ]; then
        echo "no save within @TIMEOUT@ s" >&2
        exit 1
    fi
    sleep 0.2
done
info rdb_last_bgsave_status:ok
""".replace("@TIMEOUT@", str(_SAVE_TIMEOUT_S))
