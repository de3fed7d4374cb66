#!/bin/sh
# Managed by xnai: how the image rag_api_packages is built; root may run it by hand.
# Without --again it does nothing where another run has built the image meanwhile.
log=/var/lib/xnai/xnai/build/rag_api_packages.log
# What an earlier build said must not be taken for this one's word.
rm -f "$log.rc"
now=$(/usr/local/bin/xnai-podman image inspect --format '{{.Id}}' localhost/xnai_rag_api_packages:0000000000000003 2>/dev/null)
if [ "$now" != '' ] && [ "${1-}" != --again ]; then
    echo "rag_api_packages: was built meanwhile"
    exit 0
fi
{
    parent=$(/usr/local/bin/xnai-podman image inspect --format '{{.Id}}' localhost/xnai_base:0000000000000001) &&
    /usr/local/bin/xnai-podman build --pull=never --layers=false --target packages --cgroup-parent xnaibuild-rag_api_packages.slice --build-arg IMAGE_VERSION=1.2 --build-arg IMAGE_REVISION=abc --build-arg IMAGE_CONTENT=0000000000000000000000000000000000000000000000000000000000000003 --label io.xnai.stack=xnai --label io.xnai.inputs=base=ac7edb97166f,dockerfile=ac7edb97166f,requirements=ac7edb97166f --tag localhost/xnai_rag_api_packages:0000000000000003 --file /var/lib/xnai/xnai/build/rag_api/Dockerfile \
        --label io.xnai.parent="$parent" /var/lib/xnai/xnai/build/rag_api
    # sh has no pipefail: the exit code goes through a file.
    echo $? > "$log.rc"
} 2>&1 | tee "$log" |
    # What takes its time, cut to a line.
    sed -u -nE 's/^((\[[0-9/]+\] )?(STEP [0-9/]+: (FROM|COPY|RUN)|COMMIT) .{0,90}).*/rag_api_packages: \1/p'
code=$(cat "$log.rc" 2>/dev/null) || code=1  # it was killed before it could say
if [ "$code" != 0 ]; then
    {
        echo "was not built. The end of $log:"
        tail -n 20 "$log"
        ! grep -qE 'Could not get lock /var/(cache|lib)' "$log" ||
            echo 'Cause: another apt-get holds the lock of a shared cache. What to do: wait for the other build, then run this again.'
        ! grep -qE 'requested access to the resource is denied|manifest unknown|localhost/.*(does not exist|image not known)' "$log" ||
            echo 'Cause: the image that it starts from is neither here nor in a registry that answers. What to do: check base_image and registry_mirrors; this run builds its own bases first.'
        ! grep -qE 'certificate verify failed|invalid peer certificate|UnknownIssuer|x509: certificate' "$log" ||
            echo 'Cause: a certificate on the way is not trusted, as behind a proxy that inspects TLS. What to do: name its authority in extra_ca_certificates.'
        ! grep -qE 'Temporary failure (resolving|in name resolution)|[Dd]ns error|failed to lookup address information|no such host' "$log" ||
            echo 'Cause: names cannot be resolved inside the build. What to do: check the network and /etc/resolv.conf of the host, then run this again.'
        ! grep -qE '(COPY|ADD).*(no such file|no items matching glob)' "$log" ||
            echo 'Cause: a file that the Dockerfile copies is not in the build context. What to do: see service_sources: only what git tracks is sent.'
        ! grep -qE 'Hash mismatch|DO NOT MATCH THE HASHES' "$log" ||
            echo 'Cause: a downloaded package is not the one that the lock names. What to do: lock the requirements again, and ask who changed the package.'
        ! grep -qE '(signal: killed|exit status 137)' "$log" ||
            echo 'Cause: a step was killed, most likely because the memory ran out. What to do: dmesg | grep -i oom; stop something, or give the machine more swap.'
        ! grep -qE 'no space left on device' "$log" ||
            echo 'Cause: the disk is full: a build needs room in /var/tmp as well as in the image store. What to do: df -h /var/tmp and the stack user'"'"'s home; free some, then run this again.'
        ! grep -qE 'No solution found when resolving|was not found in the (package registry|cache)|No matching distribution found|has no (matching )?wheel|no wheels with a matching' "$log" ||
            echo 'Cause: a package, or this version of it for this Python, is not where packages come from. What to do: see package_index_url and wheelhouse_dir, and the requirements that the lines above name.'
        ! grep -qE 'Aborted with [0-9]+ warnings? in strict mode' "$log" ||
            echo 'Cause: MkDocs has warnings (broken links and their like), and by default none is let through. What to do: mend what the lines above name, or in service_sources docs '"'"'strict'"'"': False.'
    } | sed 's/^/rag_api_packages: /' >&2
fi
exit "$code"
