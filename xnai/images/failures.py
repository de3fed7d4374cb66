"""Known causes of a failed build, by what is in its log."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A cause: an extended regular expression for grep -E, what it means, what to do."""

    pattern: str
    meaning: str
    remedy: str


CAUSES = (
    Cause(
        r"no space left on device",
        "the disk is full: a build needs room in /var/tmp as well as in the image store",
        "df -h /var/tmp and the stack user's home; free some, then run this again",
    ),
    Cause(
        r"Temporary failure (resolving|in name resolution)|[Dd]ns error|"
        r"failed to lookup address information|no such host",
        "names cannot be resolved inside the build",
        "check the network and /etc/resolv.conf of the host, then run this again",
    ),
    Cause(
        r"certificate verify failed|invalid peer certificate|UnknownIssuer|x509: certificate",
        "a certificate on the way is not trusted, as behind a proxy that inspects TLS",
        "name its authority in extra_ca_certificates",
    ),
    Cause(
        r"Hash mismatch|DO NOT MATCH THE HASHES",
        "a downloaded package is not the one that the lock names",
        "lock the requirements again, and ask who changed the package",
    ),
    Cause(
        r"No solution found when resolving|was not found in the (package registry|cache)|"
        r"No matching distribution found|has no (matching )?wheel|no wheels with a matching",
        "a package, or this version of it for this Python, is not where packages come from",
        "see package_index_url and wheelhouse_dir, and the requirements that the lines above name",
    ),
    Cause(
        r"Could not get lock /var/(cache|lib)",
        "another apt-get holds the lock of a shared cache",
        "wait for the other build, then run this again",
    ),
    Cause(
        r"requested access to the resource is denied|manifest unknown|"
        r"localhost/.*(does not exist|image not known)",
        "the image that it starts from is neither here nor in a registry that answers",
        "check base_image and registry_mirrors; this run builds its own bases first",
    ),
    Cause(
        r"(COPY|ADD).*(no such file|no items matching glob)",
        "a file that the Dockerfile copies is not in the build context",
        "see service_sources: only what git tracks is sent",
    ),
    Cause(
        r"(signal: killed|exit status 137)",
        "a step was killed, most likely because the memory ran out",
        "dmesg | grep -i oom; stop something, or give the machine more swap",
    ),
)

