"""What is derived from a host's RAM: by literal arithmetic, and as properties."""

from __future__ import annotations

import dataclasses
import typing

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from rendering import render_everything
from unit_settings import limits_mib, make, problems, shipped

from xnai.memory import sysctl
from xnai.settings import layers
from xnai.settings.model import Settings
from xnai.stack.catalogue import SCHEMA, derive

QUICK = effort(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(
    ("ram_kib", "ram_mib", "reserve_mib", "pct", "zram_mib"),
    [
        (2097152, 2048, 2048, 200, 4096),  # 2 GiB: the reserve is all of it
        (4194304, 4096, 2048, 200, 8192),  # 4 GiB
        (4112284, 4015, 2048, 200, 8030),  # a virtual machine of 4 GiB, as its kernel counts
        (6920602, 6758, 2048, 200, 13516),  # 6.6 GiB
        (8388608, 8192, 2048, 200, 16384),  # 8 GiB, the profile's edge
        (8389632, 8193, 2048, 150, 12289),  # 1 MiB past it; 12289.5 rounds down
        (15099494, 14745, 2949, 150, 22117),  # 14.4 GiB; 20 % is 2949
        (16777216, 16384, 3276, 150, 24576),  # 16 GiB
        (33554432, 32768, 6553, 100, 32768),  # 32 GiB
        (67108864, 65536, 13107, 50, 32768),  # 64 GiB
    ],
)
def test_sizes(ram_kib, ram_mib, reserve_mib, pct, zram_mib):
    found = make(ram_kib)
    assert (
        found.ram_mib, found.host_reserve_mib, found.zram_size_expression, found.zram_size_mib
    ) == (ram_mib, reserve_mib, f"ram * {pct} / 100", zram_mib)


def test_what_is_set_beats_what_is_derived():
    found = make(16777216, zram_size_pct_of_ram=25, host_reserve_mib=1000, stack_user="me")
    assert (found.zram_size_expression, found.zram_size_pct_of_ram) == ("ram * 25 / 100", 25)
    assert found.zram_size_mib == 4096
    assert found.host_reserve_mib == 1000
    assert (found.stack_user, found.stack_user_explicit) == ("me", True)


def test_a_fixed_size_of_zram():
    found = make(16777216, zram_size_mib=6000)
    assert (found.zram_size_mib, found.zram_size_expression) == (6000, "6000")


def test_the_stack_user_by_default():
    found = make()
    assert (found.stack_user, found.stack_user_explicit) == ("xnai", False)


@pytest.mark.parametrize(
    ("exempt", "user", "oom_exempt"),
    [
        (True, None, True),
        (False, None, False),
        (True, "me", False),  # somebody's desktop keeps the guard
        (True, "xnai", False),  # named, so perhaps somebody's
        (False, "me", False),
    ],
)
def test_only_the_stacks_own_user_is_exempt_from_the_oom_guard(exempt, user, oom_exempt):
    found = make(oom_guard_exempt_stack=exempt, stack_user=user)
    assert found.oom_exempt is oom_exempt
    assert found.oom_guard_exempt_stack is exempt


def test_sysctls():
    assert make().sysctls == {
        "vm.swappiness": "180",
        "vm.page-cluster": "0",
        "vm.watermark_boost_factor": "0",
        "vm.watermark_scale_factor": "125",
        "vm.vfs_cache_pressure": "50",
        "vm.dirty_background_ratio": "5",
        "vm.dirty_ratio": "10",
    }
    assert list(sysctl.keys()) == [name for name in SCHEMA.declarations if name.startswith("vm_")]


@given(st.integers(1, 1 << 31))
def test_more_ram_never_means_less_reserve_and_zram_stays_within_four_times(ram_kib):
    found = make(ram_kib)
    assert found.host_reserve_mib <= make(ram_kib + 1024).host_reserve_mib
    assert 0 <= found.zram_size_mib <= 4 * found.ram_mib


IMAGES = st.from_regex(
    r"[a-z0-9]{1,5}(\.[a-z]{1,5}){1,2}(:[0-9]{2,5})?(/[a-z0-9]{1,6}){1,3}:[0-9][a-z0-9.-]{0,8}",
    fullmatch=True,
)
LOCATIONS = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,8}(:[0-9]{1,5})?", fullmatch=True)
NUMBERS = st.integers(-1, 1 << 22)
# Allowed values of the settings that are no number; the numbers are found by trying.
VALID = {
    "base_image": IMAGES,
    "redis_image": IMAGES,
    "extra_ca_certificates": st.just([]),
    "memory_rivals": st.sampled_from(["stop", "set_aside"]),
    "package_index_url": st.sampled_from(["http://10.0.0.1:8080/simple", "https://a.example/x"]),
    "registry_mirrors": st.dictionaries(
        LOCATIONS,
        st.fixed_dictionaries({"location": LOCATIONS}, optional={"insecure": st.booleans()}),
    ),
    "stack_name": st.from_regex(r"[a-z][a-z0-9]{0,19}", fullmatch=True).filter(
        lambda name: not problems(stack_name=name)
    ),
    "stack_user": st.none() | st.from_regex(r"[a-z][a-z0-9_-]{0,30}", fullmatch=True).filter(
        lambda name: name != "root"
    ),
    "zram_compression_algorithm": st.sampled_from(
        ["zstd", "lz4", "lz4hc", "lzo-rle", "lzo", "842"]
    ),
    "zram_assumed_ratio": st.floats(1, 6) | st.integers(1, 6),
    "zswap": st.sampled_from(["off", "leave"]),
    "zram_size_pct_of_ram": st.none() | st.integers(1, 400),
    "host_reserve_mib": st.none() | st.integers(256, 1 << 22),
}


def valid(name: str) -> st.SearchStrategy[object]:
    """Values that the check of `name` lets through."""
    default = shipped()[name]
    if name in VALID:
        return VALID[name]
    if isinstance(default, bool):
        return st.booleans()
    return st.just(default) | st.sampled_from(
        [n for n in (0, 1, 2, 10, 32, 64, 99, 1024, 5000, 65535) if not problems(**{name: n})]
        or [default]
    )


def fitting(values: dict[str, object]) -> dict[str, object]:
    """The values, less most of those that do not fit each other."""
    for name in limits_mib():
        if values[f"{name}_memory_reservation_mib"]:
            values[f"{name}_memory_reservation_mib"] = 32
    if values["zram_size_mib"] is not None:
        values["zram_size_pct_of_ram"] = None
    return values | {"docs_port": 8002, "rag_api_port": 8000, "vikunja_port": 3456}


@QUICK
@given(
    st.fixed_dictionaries({name: valid(name) for name in SCHEMA.declarations}).map(fitting),
    st.integers(1 << 18, 1 << 30),
)
def test_any_valid_settings_derive_and_render(values, ram_kib):
    checked, said = SCHEMA.check([layers.Layer("--data", values)])
    assume(not any("must be " in one or "choose another one" in one for one in said))
    assert said == []
    texts = render_everything(derive(checked, ram_kib, "UTC"))
    assert all("Managed by xnai" in text for text in texts.values())


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=5)
    | st.from_regex(r"https?://[\[\]@:/a-z0-9%]{0,12}", fullmatch=True)
    | st.from_regex(r"/[a-z.]{0,5}", fullmatch=True)
    | st.just(object()),
    lambda inner: st.lists(inner, max_size=3)
    | st.tuples(inner)
    | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=2)
    | st.dictionaries(st.sampled_from(["docker.io"]),
                      st.dictionaries(st.sampled_from(["location", "insecure"]), inner)),
    max_leaves=4,
)


def fits(value: object, hint: object) -> bool:
    """Whether `value` is of the type that `hint` says, deeply."""
    arguments = typing.get_args(hint)
    if hint is type(None):
        return value is None
    if isinstance(hint, type) and not arguments:
        return type(value) is hint
    origin = typing.get_origin(hint)
    if origin is dict:
        return isinstance(value, dict) and all(
            fits(k, arguments[0]) and fits(v, arguments[1]) for k, v in value.items()
        )
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        if arguments[-1] is Ellipsis:
            return all(fits(item, arguments[0]) for item in value)
        return len(value) == len(arguments) and all(map(fits, value, arguments))
    return any(fits(value, argument) for argument in arguments)


@pytest.mark.parametrize("name", list(SCHEMA.declarations))
@QUICK
@given(ANYTHING)
def test_any_value_is_taken_with_the_right_type_or_refused_by_name(name, value):
    checked, said = SCHEMA.check([layers.Layer("--data", shipped() | {name: value})])
    if said:
        assert len(said) == 1
        assert said[0].startswith(f"{name} = ")
        assert " (--data): " in said[0]
        return
    found = derive(checked, 16777216, "UTC")
    for kind in (Settings, *found.of_services):
        whose = found if kind is Settings else found.of(kind)
        hints = typing.get_type_hints(kind)
        for field in dataclasses.fields(kind):
            if field.name not in ("memory", "of_services", "from_tables", "models"):
                assert fits(getattr(whose, field.name), hints[field.name]), field.name
    assert all(type(value) is int for value in found.from_tables.values())
    for memory in found.memory.values():
        assert all(type(value) is int for value in dataclasses.astuple(memory)[:3])
