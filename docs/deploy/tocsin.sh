#!/bin/sh
# The program as the account of its unit, with the unit's configuration and secrets, so that commands of the documentation
# work as they stand:  sudo install -m 0755 docs/deploy/tocsin.sh /usr/local/bin/tocsin
program=/opt/tocsin/.venv/bin/tocsin
secrets=/etc/tocsin/secrets
account=tocsin
export TOCSIN_CONFIG="${TOCSIN_CONFIG:-/etc/tocsin/tocsin.toml}"

# Who sits here is kept: incidents say who took them.
if [ "$(id -un)" != "$account" ]; then
    who=${TOCSIN_USER:-${SUDO_USER:-$(id -un)}}
    exec sudo -u "$account" env TOCSIN_CONFIG="$TOCSIN_CONFIG" TOCSIN_USER="$who" "$0" "$@"
fi
while IFS= read -r line || [ -n "$line" ]; do
    case $line in
        \#*) ;;
        *=*) export "${line?}" ;;
    esac
done < "$secrets"
exec "$program" "$@"
