#!/bin/bash
# Does what the official image's page documents: as root PGDATA and the socket's folder are
# made postgres's own before root's rights are given up, an empty PGDATA is initialised from
# the POSTGRES_* variables, and a server that others can reach runs only after that.
set -euo pipefail
shopt -s nullglob

SOCKETS=/var/run/postgresql
SCRIPTS=/docker-entrypoint-initdb.d

die() {
    printf 'Error: %s\n' "$@" >&2
    exit 1
}

# setting NAME DEFAULT: the variable, or what the file that NAME_FILE names holds.
setting() {
    local name=$1 file=${1}_FILE value
    if [ -n "${!name-}" ] && [ -n "${!file-}" ]; then
        die "both $name and $file are set (they exclude each other)"
    fi
    if [ -n "${!file-}" ]; then
        value=$(cat "${!file}") || die "$file cannot be read: ${!file}"
        printf -v "$name" %s "$value"
    elif [ -z "${!name-}" ]; then
        printf -v "$name" %s "${2-}"
    fi
    unset "$file"
}

# asks_only WORD…: whether postgres would print something and end.
asks_only() {
    local word
    for word; do
        case $word in
            -\? | --help | --describe-config | -V | --version) return 0 ;;
        esac
    done
    return 1
}

make_folders() {
    mkdir -p "$PGDATA"
    # Neither is fatal: a user who owns neither may still be able to use both.
    chmod 0700 "$PGDATA" 2>/dev/null || true
    mkdir -p "$SOCKETS" 2>/dev/null || true
    chmod 3775 "$SOCKETS" 2>/dev/null || true
}

require_password() {
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
        die "the database is not initialised and no superuser password is given" \
            "set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE" \
            "(POSTGRES_HOST_AUTH_METHOD=trust lets everybody in without one: not recommended)"
    fi
}

make_cluster() {
    local words=()
    eval "words=($POSTGRES_INITDB_ARGS)"
    # Through a pipe: neither in an argument list nor in a file.
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") \
        "${words[@]}"
    # initdb trusts connections from inside the container; from elsewhere a password is asked.
    local method=$POSTGRES_HOST_AUTH_METHOD
    printf '\nhost all all all %s\n' "${method:-$(postgres -C password_encryption)}" \
        >>"$PGDATA/pg_hba.conf"
}

sql() {
    psql --set ON_ERROR_STOP=1 --no-psqlrc --no-password --username "$POSTGRES_USER" \
        --dbname "$POSTGRES_DB" "$@"
}

# An executable is run, other shell text is read into this shell, as the official image does.
run_script() {
    if [ -x "$1" ]; then
        "$1"
    else
        # shellcheck source=/dev/null
        . "$1"
    fi
}

run_scripts() {
    local file
    for file in "$SCRIPTS"/*; do
        case $file in
            *.sh) run_script "$file" ;;
            *.sql) sql --file "$file" ;;
            *.sql.gz) gunzip --stdout "$file" | sql ;;
            *) echo "ignored: $file" ;;
        esac
    done
}

initialise() {
    make_cluster
    # POSTGRES_INITDB_ARGS may ask for passwords on the socket too.
    export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
    shift
    # On the socket alone, so that nobody takes a half-made database for a ready one.
    pg_ctl --wait -o "$(printf '%q ' "$@" -c "listen_addresses=" -p "${PGPORT:-5432}")" start
    if [ "$POSTGRES_DB" != postgres ]; then
        sql --dbname postgres --set db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
    fi
    run_scripts
    pg_ctl --wait -m fast stop
    unset PGPASSWORD
    echo 'PostgreSQL init process complete; ready for start up.'
}

case ${1-} in
    -*) set -- postgres "$@" ;;
esac

if [ "${1-}" = postgres ] && ! asks_only "$@"; then
    make_folders
    if [ "$(id -u)" = 0 ]; then
        find "$PGDATA" "$SOCKETS" \! -user postgres -exec chown postgres '{}' +
        # The home of root, kept, would be a folder that postgres may not read.
        export HOME=/var/lib/postgresql
        exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$0" "$@"
    fi
    if [ ! -s "$PGDATA/PG_VERSION" ]; then
        setting POSTGRES_PASSWORD
        setting POSTGRES_USER postgres
        setting POSTGRES_DB "$POSTGRES_USER"
        setting POSTGRES_INITDB_ARGS
        : "${POSTGRES_HOST_AUTH_METHOD:=}"
        require_password
        initialise "$@"
    fi
fi

exec "$@"
