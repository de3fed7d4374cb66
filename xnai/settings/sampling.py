"""Settings of the memory sampler: whether it runs, how often, and what it warns of."""

from __future__ import annotations

from dataclasses import dataclass

from xnai.settings import checks
from xnai.settings.declaration import setting


@dataclass(frozen=True, kw_only=True)
class SamplerSettings:
    """The sampler and its thresholds, each over the last minute."""

    memory_sampler: bool = setting(
        False,
        checks.boolean,
        "True: a small service of the system reads zram, swap, pressure and the containers' "
        "memory, warns in the journal and in `xnai status`, keeps a history, and writes a textfile "
        "for node_exporter (docs/sampler.md).",
        section="memory sampler (docs/sampler.md)",
    )
    memory_sampler_interval_s: int = setting(
        15, checks.integer(5, 60, "rates are over a minute"),
        "Seconds between two samples: Prometheus' own interval is 15 in its example.",
    )
    memory_sampler_history_mib: int = setting(
        16, checks.integer(2, 4096),
        "The most that the history takes, in MiB. A line a minute is about 2 KiB with ten "
        "containers: the last three to six days.",
    )
    memory_warn_zram_fill_pct: int = setting(
        90, checks.integer(10, 99),
        "Warn where zram0 holds more than this, in percent of its disksize before compression: "
        "what comes then goes to a slower swap, or the kernel kills.",
    )
    memory_warn_zram_ratio: float = setting(
        1.5, checks.number(1.0, 6.0),
        "Warn where the pages in zram0 compress less than this: swapping them gains little. From "
        "256 MiB in zram0 on.",
    )
    memory_warn_swap_in_mib_per_s: int = setting(
        64, checks.integer(1, 100_000),
        "Warn where more comes back from swap, in MiB/s: what is used no longer fits. A judgement, "
        "not a measurement: 16,384 pages a second.",
    )
    memory_warn_pressure_pct: int = setting(
        10, checks.integer(1, 100),
        "Warn where some process waited for memory in more than this share of the time, in "
        "percent (\"some\" of /proc/pressure/memory). systemd-oomd acts at 60 of \"full\" "
        "(oomd.conf(5)).",
    )
    memory_warn_refault_mib_per_s: int = setting(
        64, checks.integer(1, 100_000),
        "Warn where more pages of files are read again shortly after they were dropped, in MiB/s: "
        "a model's weights, for which no zram stands in.",
    )
