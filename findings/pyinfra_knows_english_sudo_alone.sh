#!/bin/sh
# pyinfra 3.10.0 asks for sudo's password only where sudo speaks English.
#
# Expected: a login whose sudo wants a password is asked for it, whatever language it is set to;
#   sudo is translated (its package has the catalogues).
# Seen: the answer of `sudo -n` is compared with English sentences. sudo's own German and French
#   ones, taken from Debian's package, are not among them: nobody is asked, the command just fails.
# Fails (exit 1) where that has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyinfra==3.10.0
# The newest of this machine's Debian, whose words have not changed for years.
apt-get download sudo > /dev/null 2>&1
dpkg-deb --extract sudo_*.deb sudo
echo "$(venv/bin/pyinfra --version), $(ls sudo_*.deb)"
venv/bin/python - <<'END'
import gettext
import sys
from types import SimpleNamespace

from pyinfra.connectors import util

asked = []
util.getpass = lambda prompt: asked.append(prompt) or "secret"


def is_asked(sentence):
    """Whether pyinfra asks for a password where a command failed with this sentence."""
    asked.clear()
    line = SimpleNamespace(line=f"sudo: {sentence}")
    host = SimpleNamespace(print_prefix="", connector_data={})
    output = SimpleNamespace(combined_lines=[line])
    util.execute_command_with_sudo_retry(host, {}, lambda: (1, output))
    return bool(asked)


seen = {"en": is_asked("a password is required")}
for language in ("de", "fr"):
    with open(f"sudo/usr/share/locale/{language}/LC_MESSAGES/sudoers.mo", "rb") as catalogue:
        sentence = gettext.GNUTranslations(catalogue).gettext("a password is required")
    seen[language] = is_asked(sentence)
    print(f"{language}: sudo says {sentence!r}; asked for a password: {seen[language]}")
if seen != {"en": True, "de": False, "fr": False}:
    sys.exit(f"changed: {seen}")
END
echo "as seen before"
