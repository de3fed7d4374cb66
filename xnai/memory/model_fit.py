"""Whether a model fits a machine beside the other services, and what keeps it from that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xnai.memory.capacity import Capacity
from xnai.models.needs import Needs, needs
from xnai.models.shape import Shape

# Contexts are tried in such steps.
_STEP_TOKENS = 256
# As llm_context_tokens has it.
_MOST_TOKENS = 1 << 20


@dataclass(frozen=True)
class MemoryBudget:
    """What a model must fit.

    Attributes:
        ram_mib: MemTotal.
        reserve_mib: left to the desktop and the system.
        zram_mib: size of the swap device.
        ratio: what its pages are assumed to shrink by.
        others_mib: memory limits and swap of the other services together.
        limit_mib: the limit that somebody set for the model's service; None: it is derived.
        least_limit_mib: the least that is derived.
        swap_mib: the swap that somebody set for it; None likewise.
    """

    ram_mib: int
    reserve_mib: int
    zram_mib: int
    ratio: float
    others_mib: int
    limit_mib: int | None
    least_limit_mib: int
    swap_mib: int | None


@dataclass(frozen=True)
class ModelFit:
    """Whether a model fits, for one length of the context.

    Attributes:
        needs: what it needs.
        limit_mib: the memory limit that it would have.
        binds: what keeps it from fitting, or empty.
        longest_tokens: the longest context with which it fits, up to what it was trained for, if
            its header says that; 0: none does.
    """

    needs: Needs
    limit_mib: int
    binds: str
    longest_tokens: int


def fit(model: Shape, context_tokens: int, machine: MemoryBudget) -> ModelFit:
    """Return whether a model fits a machine.

    Args:
        model: its dimensions.
        context_tokens: length of the context.
        machine: what it must fit.
    """
    asked = needs(model, context_tokens)
    return ModelFit(
        needs=asked,
        limit_mib=_limit_mib(asked, machine),
        binds=_binds(asked, machine),
        longest_tokens=_longest(model, machine),
    )


def _limit_mib(asked: Needs, machine: MemoryBudget) -> int:
    return machine.limit_mib or asked.limit_mib(machine.least_limit_mib)


def _binds(asked: Needs, machine: MemoryBudget) -> str:
    limit = _limit_mib(asked, machine)
    if asked.total_mib > limit:
        return f"the memory limit of {limit} MiB that was set for it"
    mapped = asked.weights >> 20
    swap = asked.swap_mib(limit) if machine.swap_mib is None else machine.swap_mib
    capacity = Capacity(
        machine.ram_mib, machine.reserve_mib, machine.zram_mib, machine.ratio, mapped
    )
    anonymous = machine.others_mib + limit + swap - mapped
    if anonymous <= capacity.working_set_mib:
        return ""
    return (
        f"RAM: {anonymous} MiB of limits and swap are wanted beside {mapped} MiB of weights; "
        f"{capacity.working_set_mib} MiB can be held"
    )


def _longest(model: Shape, machine: MemoryBudget) -> int:
    """Return the longest context that fits: what it needs grows with the context."""
    most = min(model.trained_tokens or _MOST_TOKENS, _MOST_TOKENS)
    low, high = 0, max(1, most // _STEP_TOKENS)
    while low < high:
        middle = (low + high + 1) // 2
        if _binds(needs(model, middle * _STEP_TOKENS), machine):
            high = middle - 1
        else:
            low = middle
    return low * _STEP_TOKENS


def other_services_mib(limits_and_swap_mib: Mapping[str, tuple[int, int]], name: str) -> int:
    """Return what all services but one may take: limits and swap, in MiB."""
    return sum(sum(both) for one, both in limits_and_swap_mib.items() if one != name)
