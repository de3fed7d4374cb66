"""Secrets: made on the host and never leaving it, or sent to it by a command's input."""

from __future__ import annotations

import shlex
from collections.abc import Generator, Mapping

from pyinfra.api.operation import operation

from xnai.facts.podman import VALUE_LABEL
from xnai.facts.podman_call import XNAI_PODMAN
from xnai.operations.guard import one_at_a_time
from xnai.remote import content
from xnai.remote.limit import Limited

# 32 random bytes as 64 hexadecimal digits: nothing in them needs quoting anywhere.
_RANDOM = "od -An -tx1 -N32 /dev/urandom | tr -d ' \\n'"


@operation()
def generate(stack_name: str, forms: Mapping[str, str]) -> Generator[str, None, None]:
    """Make one random value and store it as one or more Podman secrets, unless all exist.

    Whether they exist is asked again on the host: where Podman could not tell before, a value
    that a service's data depends on must not be replaced.

    The value lives in a shell variable and goes through the shell's own printf into standard
    input: it is never an argument of a process, in a file, or in the output.

    Args:
        stack_name: the stack's name, for the label.
        forms: secret name -> printf format with one %s, for readers that want more than the
            bare value (a line of redis.conf, say).
    """
    names = " ".join(shlex.quote(name) for name in forms)
    # Podman 4.9 refuses --replace where there is nothing to replace (containers/podman 21952).
    stores = " && ".join(
        f"{{ case \"$there\" in *\" {name} \"*) r=--replace ;; *) r= ;; esac; "
        f"printf {shlex.quote(form)} \"$v\" | {XNAI_PODMAN} secret create $r "
        f"--label io.xnai.stack={shlex.quote(stack_name)} {shlex.quote(name)} - >/dev/null; }}"
        for name, form in forms.items()
    )
    # podman-secret-exists(1): 0 exists, 1 does not, anything else is an error.
    yield one_at_a_time(
        f"absent=; there=; for n in {names}; do {XNAI_PODMAN} secret exists $n; e=$?; case $e in "
        '0) there="$there $n " ;; 1) absent=yes ;; *) exit $e ;; esac; done; '
        f"[ -z \"$absent\" ] || {{ v=$({_RANDOM}) && [ ${{#v}} = 64 ] && {stores}; }}"
    )


@operation()
def put(
    stack_name: str, name_of_secret: str, value: bytes, label: str
) -> Generator[Limited, None, None]:
    """Store a value of the user's as a Podman secret, in place of an earlier one.

    It goes through the command's standard input: it is in no argument, file or output.

    Args:
        stack_name: the stack's name, for the label.
        name_of_secret: in Podman.
        value: what it holds.
        label: what tells this value from others.
    """
    name = shlex.quote(name_of_secret)
    yield content.sent(
        one_at_a_time(
            f"{XNAI_PODMAN} secret exists {name}; e=$?; r=; case $e in 0) r=--replace ;; 1) ;; "
            f"*) exit $e ;; esac; base64 -d | {XNAI_PODMAN} secret create $r "
            f"--label io.xnai.stack={shlex.quote(stack_name)} "
            f"--label {VALUE_LABEL}={shlex.quote(label)} {name} - >/dev/null"
        ),
        value,
    )
