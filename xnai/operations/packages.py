"""Taking away the packages that were installed by us."""

from __future__ import annotations

from collections.abc import Generator

from pyinfra.api.command import StringCommand
from pyinfra.context import ctx_state

from xnai.operations import apt
from xnai.operations.guard import failing_operation, one_at_a_time
from xnai.record.baseline import INSTALLED
from xnai.remote.limit import FETCH_LIMIT_S
from xnai.run.pyinfra import LiveCommand


def removal() -> str:
    """Return the shell code that takes away the packages that are noted as installed by us.

    apt itself says which of them nothing else depends on; what somebody installed since keeps
    those that it needs. Only what is noted is ever removed: where apt would remove anything
    else, nothing is.
    """
    dependencies = (
        "-o APT::AutoRemove::RecommendsImportant=false "
        "-o APT::AutoRemove::SuggestsImportant=false"
    )
    return f"""
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C
test -z "$(dpkg --audit)" || dpkg --configure -a
{apt.note()}
[ -e {INSTALLED} ] || exit 0
t=$(mktemp -d); trap 'rm -rf "$t"' EXIT
cut -d' ' -f1 {INSTALLED} | sort -u > "$t/noted"
{apt.LIST} > "$t/all"
awk '$1 == "installed" {{print $2}}' "$t/all" | sort | comm -12 - "$t/noted" > "$t/there"
awk '$1 == "config-files" {{print $2}}' "$t/all" | sort | comm -12 - "$t/noted" > "$t/rest"
if [ -s "$t/there" ]; then
  xargs apt-mark auto < "$t/there" > /dev/null
  apt-get -s {dependencies} autoremove | awk '$1 == "Remv" {{print $2}}' | sort > "$t/free"
  comm -12 "$t/free" "$t/there" > "$t/go"
  comm -13 "$t/free" "$t/there" > "$t/stay"
  [ ! -s "$t/stay" ] || echo "packages that stay, since others need them: $(xargs < "$t/stay")"
  if [ -s "$t/go" ]; then
    xargs apt-get -s {dependencies} remove < "$t/go" |
      awk '$1 == "Remv" || $1 == "Purg" || $1 == "Inst" {{print $2}}' | sort -u > "$t/would"
    if ! cmp -s "$t/would" "$t/go"; then
      echo "apt would remove or install more than what was installed for the stack:" \\
        "$(comm -23 "$t/would" "$t/go" | xargs). No package was removed. Look:" \\
        "apt-get -s remove $(xargs < "$t/go")" >&2
      exit 1
    fi
    echo "removing $(wc -l < "$t/go") packages"
    xargs apt-get -q -y -o DPkg::Lock::Timeout=300 {dependencies} remove < "$t/go" \\
      > "$t/log" 2>&1 || {{ tail -n 15 "$t/log" >&2; exit 1; }}
    cat "$t/go" >> "$t/rest"
  fi
fi
sort -u "$t/rest" | while read -r p; do
  ! grep -qx "$p remove" {INSTALLED} || continue
  echo "$p"
done > "$t/purge"
[ ! -s "$t/purge" ] || xargs dpkg --purge < "$t/purge" > "$t/log" 2>&1 ||
  {{ tail -n 15 "$t/log" >&2; exit 1; }}
rm {INSTALLED}
"""


@failing_operation
def remove(lock_timeout_s: int = 300) -> Generator[StringCommand, None, None]:
    """Remove the packages that were installed by us, with what came with them.

    Args:
        lock_timeout_s: how long to wait for another apt or dpkg, in seconds.

    Raises:
        OperationError: apt's locks were held for longer; the holder is named.
    """
    if ctx_state.get().is_executing:
        apt.wait_for_lock(lock_timeout_s)
    yield LiveCommand(one_at_a_time(removal()), limit_s=FETCH_LIMIT_S)
