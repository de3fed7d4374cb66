#!/bin/sh
# Does what the official image's page documents: options alone mean redis-server,
# and as root /data is made redis's own before root's rights are given up.
set -e

case ${1-} in
    -* | *.conf) set -- redis-server "$@" ;;
esac

if [ "${1-}" = redis-server ]; then
    # The official build leaves protected mode off, so that other containers may
    # connect; Debian's leaves it on. Whoever sets it decides.
    case " $* " in
        *protected-mode*) ;;
        *)
            if [ ! -f "${2-}" ] || ! grep -q '^[[:space:]]*protected-mode' "$2"; then
                set -- "$@" --protected-mode no
            fi
            ;;
    esac
    if [ "$(id -u)" = 0 ]; then
        find . \! -user redis -exec chown redis '{}' +
        exec setpriv --reuid=redis --regid=redis --clear-groups -- "$0" "$@"
    fi
    # Data written with the usual umask would be readable by everybody.
    [ "$(umask)" != 0022 ] || umask 0077
fi

exec "$@"
