"""Every setting, with its reason. A host or group changes one by naming it in
group_data/<group>.py, in hosts.py beside the host, or with `--data name=value`.

`xnai settings` prints the effective values, where each was set, and what was derived.
None means "derived from what the host is" (by the rule in the comment).
"""

__all__ = [
    "base_image",
    "container_gid",
    "container_uid",
    "extra_ca_certificates",
    "host_reserve_mib",
    "memory_rivals",
    "oom_guard_exempt_stack",
    "package_index_url",
    "rag_api_memory_limit_mib",
    "rag_api_port",
    "redis_image",
    "redis_memory_limit_mib",
    "redis_port",
    "redis_publish_loopback",
    "registry_mirrors",
    "stack_healthy_timeout_s",
    "stack_name",
    "stack_user",
    "strict",
    "vm_dirty_background_ratio_pct",
    "vm_dirty_ratio_pct",
    "vm_page_cluster",
    "vm_swappiness",
    "vm_vfs_cache_pressure",
    "vm_watermark_boost_factor",
    "vm_watermark_scale_factor",
    "zram_assumed_ratio",
    "zram_compression_algorithm",
    "zram_size_pct_of_ram",
    "zram_swap_priority",
    "zswap",
]

# --- the run ----------------------------------------------------------------------------------

# True: a deferred change (one that waits for a reboot or a login) makes the run fail.
strict = False

# --- the stack's identity ---------------------------------------------------------------------

# Prefix of containers (xnai_redis), images (localhost/xnai_rag_api:...), secrets, volumes, the
# network and the compose project. Several stacks of one user differ in this name.
stack_name = "xnai"

# The user whose rootless Podman runs the stack. None: "xnai", made new with a locked password.
# Name an existing login user to run the stack in that user's own `podman ps`.
stack_user = None

# --- memory -----------------------------------------------------------------------------------

# RAM that the stack must leave to the desktop and the system, in MiB.
# None: the larger of 2048 MiB and 20 % of RAM.
host_reserve_mib = None

# Size of the compressed swap device in percent of RAM. None: by the profile
# RAM <= 8 GiB: 200, <= 16 GiB: 150, <= 32 GiB: 100, above: 50.
# At the usual ratio of 2 to 3 the pages of a full device cost size / ratio of RAM, so a larger
# machine needs relatively less. Source: docs.kernel.org/admin-guide/blockdev/zram.html ("there
# is little point creating a zram of greater than twice the size of memory").
zram_size_pct_of_ram = None

# zstd packs best of the kernel's algorithms at a speed that swap on a laptop does not notice.
# Where the kernel lacks it, preflight names the best that it has.
zram_compression_algorithm = "zstd"

# Expected compression ratio of this machine's pages; only the capacity formula uses it.
# 2.0 is cautious until it was measured: zstd reaches 2.6 on typical process memory.
zram_assumed_ratio = 2.0

# Priority of the zram swap; disk swap (negative by default) stays on below it. swapon(2).
zram_swap_priority = 100

# zswap compresses in front of swap; in front of zram it compresses twice. "off" or "leave".
# It is switched off at run time and by tmpfiles.d, never in the boot loader.
zswap = "off"

# What to do where another file sets one of our sysctl keys and wins: "stop" names it,
# "set_aside" renames the file to *.xnai-set-aside (only when all its keys are ours); to have it
# back, rename it.
memory_rivals = "stop"

# True: systemd-oomd chooses no victim by pressure among what the stack's dedicated user runs.
# The guard itself is never switched off, and a login user named in stack_user keeps it.
oom_guard_exempt_stack = True

# 0 to 200: the cost of swapping against that of dropping page cache. Swap in RAM is far cheaper
# than a disk read, hence above 100. Source: kernel Documentation/admin-guide/sysctl/vm.rst
# ("for in-memory swap, like zram or zswap ... values beyond 100 can be considered").
vm_swappiness = 180

# Pages read ahead from swap as a power of two; 0 is one page. A RAM device has no seek to save,
# so read-ahead only decompresses pages that nobody asked for. Same source.
vm_page_cluster = 0

# 0 switches off the boost of the reclaim watermark after fragmentation, which otherwise swaps
# in bursts. Same source.
vm_watermark_boost_factor = 0

# In units of 0.01 % of RAM between the watermarks: 125 is 1.25 %. kswapd starts earlier, so
# allocations wait less for direct reclaim. Default 10. Same source.
vm_watermark_scale_factor = 125

# 100 is the kernel's balance between dentry/inode caches and page cache; below 100 keeps the
# directory caches that container layers and source trees live from. Same source.
vm_vfs_cache_pressure = 50

# Percent of available memory at which background write-back starts, and at which writers wait.
# Dirty pages cannot be compressed away, so a machine short of RAM should hold few. Same source.
vm_dirty_background_ratio_pct = 5
vm_dirty_ratio_pct = 10

# --- where software comes from ----------------------------------------------------------------

# Registry name -> {"location": "host:port[/path]", "insecure": False}: asked before the
# registry itself. Written to the stack user's own registries.conf.
registry_mirrors = {}

# PEM files on the controller (absolute paths) that the host and every image build must trust,
# for a machine behind an inspecting proxy.
extra_ca_certificates = []

# The Python package index for podman-compose and for image builds.
package_index_url = "https://pypi.org/simple"

# --- images -----------------------------------------------------------------------------------

# Fully qualified, with a full tag and optionally a digest: a short name would be looked up in
# whatever registry the host happens to search first.
base_image = "docker.io/library/python:3.12-slim"
redis_image = "docker.io/library/redis:8.0"

# The user inside our own images: one for all, so that volumes can be shared.
container_uid = 10001
container_gid = 10001

# --- services ---------------------------------------------------------------------------------

# How long the deploy waits until a service is healthy, in seconds; each service has as long.
stack_healthy_timeout_s = 180

redis_memory_limit_mib = 256
redis_port = 6379
# True publishes Redis on 127.0.0.1 of the host; by default only the stack's network reaches it.
redis_publish_loopback = False

rag_api_memory_limit_mib = 512
# Published on 127.0.0.1.
rag_api_port = 8000
