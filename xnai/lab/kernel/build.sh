#!/bin/sh
# Runs inside the build chroot: /build holds the source package's tarball,
# the fragment, the patch, the number of jobs and the epoch. Leaves /build/linux.
set -eu
cd /build
mkdir src
# Sources of other processors and of devices are no part of it; Kconfig and Makefiles are read all.
tar -xf source.tar.xz -C src --strip-components=1 --wildcards \
    --exclude='*/Documentation/*/*.rst' --exclude='*/drivers/gpu/*.[ch]' \
    --exclude='*/drivers/media/*.[ch]' --exclude='*/drivers/net/ethernet/*.[ch]' \
    --exclude='*/drivers/net/wireless/*.[ch]' \
    --exclude='*/arch/arm*/*.[chS]' --exclude='*/arch/powerpc/*.[chS]' \
    --exclude='*/arch/mips/*.[chS]' --exclude='*.dts' --exclude='*.dtsi'
cd src
patch -p1 --forward < /build/patch
make ARCH=um x86_64_defconfig
scripts/kconfig/merge_config.sh -m -O . .config /build/fragment
make ARCH=um olddefconfig
cp .config /build/config
# A dropped option shows only later as a failing container: stop here instead.
missing=$(grep -E '^(CONFIG_|# CONFIG_.* is not set)' /build/fragment | while read -r line; do
    case $line in
        '#'*) name=${line#\# }; name=${name%% *}; grep -q "^$name=" .config && echo "$line" ;;
        *) grep -qxF "$line" .config || echo "$line" ;;
    esac
done || true)
if [ -n "$missing" ]; then
    echo "OPTIONS NOT TAKEN OVER:"
    echo "$missing"
    exit 3
fi
epoch=$(cat /build/epoch)
export KBUILD_BUILD_TIMESTAMP="@$epoch" KBUILD_BUILD_USER=lab KBUILD_BUILD_HOST=lab
make ARCH=um -j"$(cat /build/jobs)" linux
strip -o /build/linux linux
release=$(make -s ARCH=um kernelrelease)
echo "$release" > /build/release
# Without these lists modprobe calls a driver missing that is built in.
lib=/build/modules/lib/modules/$release
mkdir -p "$lib"
cp modules.builtin modules.builtin.modinfo "$lib/"
: > "$lib/modules.order"
depmod -b /build/modules "$release"
tar -C "$lib" -cf /build/modules.tar .
