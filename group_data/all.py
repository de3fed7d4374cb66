"""Every setting, with its reason. A host or group changes one by naming it in
group_data/<group>.py, in hosts.py beside the host, or with `--data name=value`.

`xnai settings` prints the effective values, where each was set, and what was derived.
None means "derived from what the host is" (by the rule in the comment).

Written by `make settings` from the declarations in xnai/.
"""

__all__ = [
    "awq_image",
    "awq_memory_limit_mib",
    "backup_age_recipient",
    "backup_dir",
    "backup_passphrase_file",
    "base_image",
    "browser_hosts",
    "build_cache_max_mib",
    "chainlit_ui_memory_limit_mib",
    "chainlit_ui_memory_reservation_mib",
    "chainlit_ui_port",
    "chainlit_ui_swap_mib",
    "container_gid",
    "container_uid",
    "context_max_mib",
    "crawler_allowed_domains",
    "crawler_allowed_private",
    "crawler_memory_limit_mib",
    "crawler_memory_reservation_mib",
    "crawler_swap_mib",
    "curation_worker_memory_limit_mib",
    "curation_worker_memory_reservation_mib",
    "curation_worker_swap_mib",
    "debian_mirror_url",
    "docs_memory_limit_mib",
    "docs_memory_reservation_mib",
    "docs_port",
    "docs_swap_mib",
    "end_vikunja_sessions",
    "extra_ca_certificates",
    "host_reserve_mib",
    "image_source",
    "llm_context_tokens",
    "llm_endpoint_url",
    "llm_memory_limit_mib",
    "llm_memory_reservation_mib",
    "llm_model_file",
    "llm_model_name",
    "llm_swap_mib",
    "llm_threads",
    "memory_rivals",
    "memory_sampler",
    "memory_sampler_history_mib",
    "memory_sampler_interval_s",
    "memory_warn_pressure_pct",
    "memory_warn_refault_mib_per_s",
    "memory_warn_swap_in_mib_per_s",
    "memory_warn_zram_fill_pct",
    "memory_warn_zram_ratio",
    "netrc_file",
    "oom_guard_exempt_stack",
    "own_secrets",
    "package_index_url",
    "protected_services",
    "proxy_exceptions",
    "proxy_url",
    "publish_branch",
    "publish_remote",
    "purge",
    "rag_answers",
    "rag_api_max_file_mib",
    "rag_api_memory_limit_mib",
    "rag_api_memory_reservation_mib",
    "rag_api_port",
    "rag_api_swap_mib",
    "redis_image",
    "redis_maxmemory_mib",
    "redis_maxmemory_policy",
    "redis_memory_limit_mib",
    "redis_memory_reservation_mib",
    "redis_port",
    "redis_publish_loopback",
    "redis_swap_mib",
    "registry_auth_file",
    "registry_mirrors",
    "report_meta",
    "report_names",
    "report_phase",
    "report_progress",
    "report_repository",
    "restore_age_identity_file",
    "restore_from",
    "rotate_only",
    "service_sources",
    "stack_health_interval_s",
    "stack_healthy_timeout_s",
    "stack_name",
    "stack_user",
    "strict",
    "unprotected_oom_score_adj",
    "vikunja",
    "vikunja_account_email",
    "vikunja_account_name",
    "vikunja_db_image",
    "vikunja_db_memory_limit_mib",
    "vikunja_db_memory_reservation_mib",
    "vikunja_db_swap_mib",
    "vikunja_image",
    "vikunja_memory_limit_mib",
    "vikunja_memory_reservation_mib",
    "vikunja_port",
    "vikunja_public_url",
    "vikunja_swap_mib",
    "vikunja_time_zone",
    "vm_dirty_background_ratio_pct",
    "vm_dirty_ratio_pct",
    "vm_page_cluster",
    "vm_swappiness",
    "vm_vfs_cache_pressure",
    "vm_watermark_boost_factor",
    "vm_watermark_scale_factor",
    "wheelhouse_dir",
    "zram_assumed_ratio",
    "zram_compression_algorithm",
    "zram_size_mib",
    "zram_size_pct_of_ram",
    "zram_swap_priority",
    "zswap",
]

# --- the run -----------------------------------------------------------------------------------

# True: a deferred change (one that waits for a reboot or a login) makes the run fail.
strict = False

# --- the stack's identity ----------------------------------------------------------------------

# Prefix of containers (xnai_redis), images (localhost/xnai_rag_api:...), secrets, volumes,
# networks and compose projects.
stack_name = "xnai"

# The user whose rootless Podman runs the stack. None: "xnai", made new with a locked password.
# Name an existing login user to run the stack in that user's own `podman ps`.
stack_user = None

# --- memory ------------------------------------------------------------------------------------

# RAM that the stack must leave to the desktop and the system, in MiB. None: the larger of 2048
# MiB and 20 % of RAM.
host_reserve_mib = None

# Size of the compressed swap device in percent of RAM. None: by the profile RAM <= 8 GiB: 200, <=
# 16 GiB: 150, <= 32 GiB: 100, above: 50. At the usual ratio of 2 to 3 the pages of a full device
# cost size / ratio of RAM, so a larger machine needs relatively less. Source:
# docs.kernel.org/admin-guide/blockdev/zram.html ("there is little point creating a zram of
# greater than twice the size of memory").
zram_size_pct_of_ram = None

# The same as a fixed size in MiB, in place of zram_size_pct_of_ram. None: by that.
zram_size_mib = None

# zstd packs best of the kernel's algorithms at a speed that swap on a laptop does not notice.
# Where the kernel lacks it, preflight names the best that it has.
zram_compression_algorithm = "zstd"

# Expected compression ratio of this machine's pages; only the capacity formula uses it. 2.0 is
# cautious until it was measured: zstd reaches 2.6 on typical process memory.
zram_assumed_ratio = 2.0

# Priority of the zram swap; disk swap (negative by default) stays on below it. swapon(2).
zram_swap_priority = 100

# zswap compresses in front of swap; in front of zram it compresses twice. "off" or "leave". It is
# switched off at run time and by tmpfiles.d, never in the boot loader.
zswap = "off"

# What to do where another file sets one of our sysctl keys and wins: "stop" names it, "set_aside"
# renames the file to *.xnai-set-aside (only when all its keys are ours); to have it back, rename
# it.
memory_rivals = "stop"

# True: systemd-oomd chooses no victim by pressure among what the stack's dedicated user runs. The
# guard itself is never switched off, and a login user named in stack_user keeps it.
oom_guard_exempt_stack = True

# 0 to 200: the cost of swapping against that of dropping page cache. Swap in RAM is far cheaper
# than a disk read, hence above 100. Source: kernel Documentation/admin-guide/sysctl/vm.rst ("for
# in-memory swap, like zram or zswap ... values beyond 100 can be considered").
vm_swappiness = 180

# Pages read ahead from swap as a power of two; 0 is one page. A RAM device has no seek to save,
# so read-ahead only decompresses pages that nobody asked for. Same source.
vm_page_cluster = 0

# 0 switches off the boost of the reclaim watermark after fragmentation, which otherwise swaps in
# bursts. Same source.
vm_watermark_boost_factor = 0

# In units of 0.01 % of RAM between the watermarks: 125 is 1.25 %. kswapd starts earlier, so
# allocations wait less for direct reclaim. Default 10. Same source.
vm_watermark_scale_factor = 125

# 100 is the kernel's balance between dentry/inode caches and page cache; below 100 keeps the
# directory caches that container layers and source trees live from. Same source.
vm_vfs_cache_pressure = 50

# Percent of available memory at which background write-back starts. Dirty pages cannot be
# compressed away, so a machine short of RAM should hold few. Same source.
vm_dirty_background_ratio_pct = 5

# Percent of available memory at which writers wait. Same source.
vm_dirty_ratio_pct = 10

# --- memory sampler (docs/sampler.md) ----------------------------------------------------------

# True: a small service of the system reads zram, swap, pressure and the containers' memory, warns
# in the journal and in `xnai status`, keeps a history, and writes a textfile for node_exporter
# (docs/sampler.md).
memory_sampler = False

# Seconds between two samples: Prometheus' own interval is 15 in its example.
memory_sampler_interval_s = 15

# The most that the history takes, in MiB. A line a minute is about 2 KiB with ten containers: the
# last three to six days.
memory_sampler_history_mib = 16

# Warn where zram0 holds more than this, in percent of its disksize before compression: what comes
# then goes to a slower swap, or the kernel kills.
memory_warn_zram_fill_pct = 90

# Warn where the pages in zram0 compress less than this: swapping them gains little. From 256 MiB
# in zram0 on.
memory_warn_zram_ratio = 1.5

# Warn where more comes back from swap, in MiB/s: what is used no longer fits. A judgement, not a
# measurement: 16,384 pages a second.
memory_warn_swap_in_mib_per_s = 64

# Warn where some process waited for memory in more than this share of the time, in percent
# ("some" of /proc/pressure/memory). systemd-oomd acts at 60 of "full" (oomd.conf(5)).
memory_warn_pressure_pct = 10

# Warn where more pages of files are read again shortly after they were dropped, in MiB/s: a
# model's weights, for which no zram stands in.
memory_warn_refault_mib_per_s = 64

# --- where software comes from -----------------------------------------------------------------

# Registry name -> {"location": "host:port[/path]", "insecure": False}: asked before the registry
# itself. Written to the stack user's own registries.conf.
registry_mirrors = {}

# PEM files on the controller (absolute paths) that the host and every image build must trust, for
# a machine behind an inspecting proxy.
extra_ca_certificates = []

# The HTTP proxy through which images are pulled and built, http://HOST:PORT without user and
# password (those stand in netrc_file). Containers that run are told nothing of it; apt on the
# host has its own configuration.
proxy_url = None

# Hosts that are reached without that proxy: names, .domains, addresses. The machine itself always
# is.
proxy_exceptions = []

# A file on the host, root's alone (mode 0600), with users and passwords for the proxy, the
# package index and the Debian mirror: lines of machine HOST login USER password PASSWORD. Pulls
# and builds see it while they last; no image keeps it.
netrc_file = None

# A file on the host, root's alone (mode 0600), with users and passwords for registries and their
# mirrors, as `podman login --authfile FILE` writes it: containers-auth.json(5).
registry_auth_file = None

# The address in image builds in place of http://deb.debian.org, with debian and debian-security
# below it.
debian_mirror_url = None

# The Python package index for podman-compose and for image builds. None: no index, all packages
# come from wheelhouse_dir.
package_index_url = "https://pypi.org/simple"

# A directory of wheels on the host that every build looks into as well, for a machine without a
# network; docs/images.md says how to fill it. Every package is still held to its lock's hashes.
wheelhouse_dir = None

# --- images ------------------------------------------------------------------------------------

# Fully qualified, with a full tag and optionally a digest (`make pin` writes it): a short name
# would be looked up in whatever registry the host happens to search first. The base must carry
# Python 3.11, 3.12 or 3.13, for which the services' requirements are locked.
base_image = "docker.io/library/python:3.12-slim"

# The user inside our own images: one for all, so that volumes can be shared.
container_uid = 10001
container_gid = 10001

# Services that are made of the user's own tree instead of files/services: name -> context, copy,
# requirements and more; docs/own-tree.md has a complete example.
service_sources = {}

# Secrets for service_sources beside the stack's own: name -> None for a random value that is made
# on the host, or the absolute path of a file on this machine that holds the value and that nobody
# else may read. docs/own-tree.md.
own_secrets = {}

# Where an image is copied from in place of being built, if it is there with the same content, and
# to where a built one is copied: an absolute path (a directory on the controller), or a registry
# as docker://registry.lan/stack (docker+http:// without TLS). None: from the other hosts of the
# same run. "build": each host builds its own. docs/images.md says what is trusted.
image_source = None

# A file of such a tree above this size is refused by name: it is data, not code.
context_max_mib = 20

# What builds keep to be faster next time (uv's and apt's caches on the host) is dropped when it
# grows past this.
build_cache_max_mib = 2048

# --- services ----------------------------------------------------------------------------------

# The memory of each service, in MiB:
# *_memory_limit_mib: RAM (memory.max). Past it the kernel swaps the service's own pages, and
#   where its swap is full too, kills it alone.
# *_swap_mib: how much of it may be in swap (memory.swap.max). None: half of the limit. Limit and
#   swap together are what a service can hold; preflight adds these up and holds the sum against
#   what RAM and zram can carry.
# *_memory_reservation_mib: RAM that others' needs do not take from it (memory.low). None: half of
#   the limit for a protected service, else 0.
# Source: kernel Documentation/admin-guide/cgroup-v2.rst.

# How long the deploy waits until a service is healthy: the timeout of each service.
stack_healthy_timeout_s = 180

# Seconds between two health checks of a container, of which each starts a podman process.
stack_health_interval_s = 30

# The names by which a browser reaches this machine; pages answer to no other Host or Origin, so
# that a web site cannot talk to them through its visitor's browser.
browser_hosts = ["127.0.0.1", "localhost"]

# The services that keep data in memory. When the whole machine is out of memory the kernel takes
# the others first: the others' oom_score_adj is raised by unprotected_oom_score_adj.
protected_services = ["redis", "vikunja_db"]
unprotected_oom_score_adj = 300

# --- backup (docs/backup.md) -------------------------------------------------------------------

# Where archives are made on the host: a directory of root's. None:
# /var/lib/xnai/<stack_name>/backup.
backup_dir = None

# Encrypt archives for the private key of this public one ("age1...", of age-keygen), which need
# not be on the machine. Only an encrypted archive holds the secrets.
backup_age_recipient = None

# Or with a passphrase: a file on the host, root's, readable by nobody else.
backup_passphrase_file = None

# For one run of tasks/restore.py, as `--data restore_from=/path`: the archive on the host, and
# the private key where age encrypted it (a file of root's on the host, readable by nobody else).
restore_from = None
restore_age_identity_file = None

# --- rotation of secrets (docs/stack.md) -------------------------------------------------------

# For one run of tasks/rotate_secrets.py, as `--data 'rotate_only=["xnai_ingest_token"]'`: the
# secrets to replace, by their Podman names. Empty: all of the stack's.
rotate_only = []

# --- teardown (docs/teardown.md) ---------------------------------------------------------------

# For one run of tasks/teardown.py, as `--data purge=laptop.lan`: the name of the host whose data
# (volumes, secrets, the user that was made for them) are deleted too. None: data are kept.
purge = None

# --- reports (docs/reports.md) -----------------------------------------------------------------

# For tasks/report.py: a git checkout on the machine that you type on, into which the reports are
# written (docs/reports.md). None: nowhere.
report_repository = None

# What the headings of the reports begin with.
report_phase = "Phase 5"

# Where the page on progress is in that repository.
report_progress = "memory_bank/progress.md"

# Where the other pages are; what was measured is in _meta/xnai.
report_meta = "_meta"

# Whether reports name hosts, users and addresses. False: host-1, [user], [address].
report_names = False

# The branch that tasks/publish.py commits to; it must not be checked out.
publish_branch = "xnai/reports"

# The remote that it pushes to, once the diff was shown. None: nothing is pushed.
publish_remote = None

# --- redis -------------------------------------------------------------------------------------

# Fully qualified, with a full tag and optionally a digest; see base_image.
redis_image = "docker.io/library/redis:8.0"
redis_port = 6379

# True publishes Redis on 127.0.0.1 of the host; by default only the stack's network reaches it.
redis_publish_loopback = False

# From which size of its data on it refuses writes, or evicts keys. None: half of
# redis_memory_limit_mib, which leaves room for a background save in the worst case.
redis_maxmemory_mib = None

# What it does then. The stack's queues must not be evicted: anything but noeviction and
# volatile-* may lose documents that wait for the worker.
redis_maxmemory_policy = "noeviction"
redis_memory_limit_mib = 256
redis_memory_reservation_mib = None
redis_swap_mib = None

# --- llm ---------------------------------------------------------------------------------------

# The language model: an OpenAI-compatible endpoint such as "http://10.0.0.5:8080/v1". None: the
# stack's own llama.cpp server with a small model (SmolLM2-135M), or with llm_model_file.
llm_endpoint_url = None

# A GGUF file on the host, readable by everybody: the container's user is none of the host's.
# None: the small model in the image.
llm_model_file = None
llm_model_name = "SmolLM2-135M-Instruct"

# llama.cpp is fastest with one thread a physical core, and far slower with more threads than
# processors.
llm_threads = 2
llm_context_tokens = 2048

# None: 512 with the small model, which has some 200 MiB and the context resident; with
# llm_model_file what its header says it needs, and a tenth (`xnai fit`). A model file larger than
# the limit is read again and again from disk.
llm_memory_limit_mib = None
llm_memory_reservation_mib = None
llm_swap_mib = None

# --- rag_api -----------------------------------------------------------------------------------

# Published on 127.0.0.1.
rag_api_port = 8000

# What answers a question: the passages' own sentences, word for word (extract), or these and then
# a model's text, as long as the passages support it (both). None: extract with the small model in
# the image, which is a placeholder; both with a model of yours.
rag_answers = None

# MiB of a file that comes into the library, by `xnai ingest` or the chat page. It is in the
# page's memory twice while it comes.
rag_api_max_file_mib = 32
rag_api_memory_limit_mib = 512
rag_api_memory_reservation_mib = None
rag_api_swap_mib = None

# --- chainlit_ui -------------------------------------------------------------------------------

# Published on 127.0.0.1.
chainlit_ui_port = 8001
chainlit_ui_memory_limit_mib = 384
chainlit_ui_memory_reservation_mib = None
chainlit_ui_swap_mib = None

# --- crawler -----------------------------------------------------------------------------------

# Domains that the crawler may fetch from, subdomains included; by default none.
crawler_allowed_domains = []

# Private places that it may reach all the same: names, host:port or networks. By default none, so
# that a link cannot lead it to a router or to the other services.
crawler_allowed_private = []

# A hostile page is read in a child of at most 160 MiB, and what both need besides.
crawler_memory_limit_mib = 320
crawler_memory_reservation_mib = None
crawler_swap_mib = None

# --- curation_worker ---------------------------------------------------------------------------

curation_worker_memory_limit_mib = 96
curation_worker_memory_reservation_mib = None
curation_worker_swap_mib = None

# --- docs --------------------------------------------------------------------------------------

# Published on 127.0.0.1.
docs_port = 8002
docs_memory_limit_mib = 64
docs_memory_reservation_mib = None
docs_swap_mib = None

# --- awq ---------------------------------------------------------------------------------------

# True builds the AWQ quantisation image as well: its packages weigh some 3 GB.
awq_image = False

# What a quantisation may take, run by hand beside the stack; as much swap again. Not in the sum
# that preflight holds against the machine.
awq_memory_limit_mib = 8192

# --- vikunja_db --------------------------------------------------------------------------------

# Fully qualified, with a full tag and optionally a digest; see base_image.
vikunja_db_image = "docker.io/library/postgres:17"
vikunja_db_memory_limit_mib = 192
vikunja_db_memory_reservation_mib = None
vikunja_db_swap_mib = None

# --- vikunja -----------------------------------------------------------------------------------

# Vikunja, the task list, with its own PostgreSQL; in a compose file of its own. False: neither.
vikunja = True

# Fully qualified, with a full tag and optionally a digest; see base_image.
vikunja_image = "docker.io/vikunja/vikunja:2.5.0"

# Published on 127.0.0.1.
vikunja_port = 3456

# The address under which browsers reach it, where that is another one (a proxy of yours in front
# of it): links and mails name it. None: http://127.0.0.1:<vikunja_port>/.
vikunja_public_url = None

# When new accounts' days begin and reminders come; a name of the tz database, as "Europe/Berlin".
# None: the host's own.
vikunja_time_zone = None

# For one run of tasks/vikunja_account.py, as `--data vikunja_account_name=anna --data
# vikunja_account_email=anna@example.org`: the account to make. It asks for the password.
vikunja_account_name = None
vikunja_account_email = None

# For one run of tasks/rotate_secrets.py, as `--data end_vikunja_sessions=True`: everybody must
# log in to Vikunja again. New secrets alone do not do that.
end_vikunja_sessions = False

# At rest 60 MiB; five uploads of 19 MB at once or a background from a photo of 48 megapixels take
# five times that (measured: docs/vikunja.md). Past five eighths of the limit its garbage
# collector works harder.
vikunja_memory_limit_mib = 384
vikunja_memory_reservation_mib = None
vikunja_swap_mib = None
