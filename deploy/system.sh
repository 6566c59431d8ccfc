#!/usr/bin/env bash
# Install what the tests need from Debian, and say so. The broker's own service is not used: tests start theirs.
set -euo pipefail
say() { printf '\033[1m[system]\033[0m %s\n' "$*"; }
missing=()
[ -x /usr/sbin/mosquitto ] || command -v mosquitto >/dev/null || missing+=(mosquitto)
ldconfig -p | grep -q 'libzbar\.so\.0' || missing+=(libzbar0)
command -v "${CHROMIUM:-chromium}" >/dev/null || missing+=(chromium)  # the pages are walked in a real one
[ -n "$(ls /usr/lib/postgresql/*/bin/postgres 2>/dev/null)" ] || missing+=(postgresql)  # the ledger's other database
command -v gcc >/dev/null || missing+=(gcc libc6-dev)  # the panel board's program, built for this machine …
command -v arm-none-eabi-gcc >/dev/null || missing+=(gcc-arm-none-eabi)  # … and for the board,
command -v qemu-system-arm >/dev/null || missing+=(qemu-system-arm)  # which is emulated
command -v cppcheck >/dev/null || missing+=(cppcheck)
[ -e /usr/lib/softhsm/libsofthsm2.so ] || missing+=(softhsm2)  # keys in a token …
command -v pkcs11-tool >/dev/null || missing+=(opensc)
[ -n "$(ls /usr/lib/*/pkcs11/libtpm2_pkcs11.so 2>/dev/null)" ] || missing+=(libtpm2-pkcs11-1)  # … and in a TPM,
command -v swtpm >/dev/null || missing+=(swtpm)  # which is emulated
[ -n "$(ls /usr/lib/*/libtss2-tcti-swtpm.so.0 2>/dev/null)" ] || missing+=(libtss2-tcti-swtpm0)
command -v tpm2 >/dev/null || missing+=(tpm2-tools)
if [ "$(id -u)" = 0 ]; then  # real power cuts need root: nobody else needs what they are made with
  [ -x /usr/sbin/mkfs.ext4 ] || [ -x /sbin/mkfs.ext4 ] || missing+=(e2fsprogs)
  [ -x /usr/sbin/losetup ] || [ -x /sbin/losetup ] || missing+=(mount)
  [ -x /usr/sbin/ip ] || [ -x /sbin/ip ] || missing+=(iproute2)  # two doors in network namespaces
fi
[ ${#missing[@]} -eq 0 ] && exit 0
say "tests need from Debian: ${missing[*]}"
if [ "$(id -u)" != 0 ]; then
  say "→ sudo apt-get install --no-install-recommends ${missing[*]}, then run make test again"
  exit 1
fi
# A policy that starts no service while packages are set up: the tests start their own broker on a free port.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; trap 'rm -f $policy' EXIT; fi
{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } \
  || { say "→ apt-get could not install ${missing[*]}: check the package mirror, then run make test again"; exit 1; }
