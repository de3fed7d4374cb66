"""The whole machine, step by step: pyinfra inventory.py deploy.py"""

from tasks import (
    before,
    containers,
    images,
    memory,
    preflight,
    sampler,
    secrets,
    stack,
    verify,
)
from xnai.run.pyinfra import this_host_alone

with this_host_alone():
    images.read_beside()  # goes on while the next step waits for the host
    # First: everything wrong is said at once, before anything changes.
    preflight.apply(for_all_steps=True)
    before.apply()  # before anything changes: what this machine is, for teardown
    memory.apply()  # before images: a build on a small machine needs the swap
    containers.apply()
    sampler.apply()  # after containers, whose directory its program is in
    images.apply()
    secrets.apply()  # before the stack: a container with a missing secret does not start
    stack.apply()
    images.prune()  # after the stack: what runs now is no longer the old generation
    images.hand_on()  # after the stack: a registry that is away must not hold it up
    verify.apply()  # last: what is up, what waits, what is wrong
