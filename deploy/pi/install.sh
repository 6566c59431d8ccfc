#!/usr/bin/env bash
# Put the units, rules and settings of deploy/pi into their places. Usage: install.sh [ROOT]; run as root on the Pi, or
# on an image mounted at ROOT. It starts nothing, and writes no fstab: its lines belong between yours.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd) root=${1:-}
put() { install -D -m "${3:-0644}" "$here/$1" "$root$2"; }
put savar-validator@.service /etc/systemd/system/savar-validator@.service
put savar-first-boot@.service /etc/systemd/system/savar-first-boot@.service
put savar-terminal@.service /etc/systemd/system/savar-terminal@.service
put chromium-policy.json /etc/chromium/policies/managed/savar.json
put first_boot.py /opt/savar/libexec/first_boot.py 0755
put ../../docs/DEPLOY.md /opt/savar/share/DEPLOY.md
put 70-savar.rules /etc/udev/rules.d/70-savar.rules
put journald.conf /etc/systemd/journald.conf.d/savar.conf
put timesyncd.conf /etc/systemd/timesyncd.conf.d/savar.conf
put system.conf /etc/systemd/system.conf.d/savar.conf
put sysusers.conf /usr/lib/sysusers.d/savar.conf
put savar-tpm.conf /opt/savar/share/savar-tpm.conf
echo "next: merge $here/fstab into /etc/fstab; systemd-sysusers; systemctl daemon-reload;"
echo "      systemctl enable savar-validator@DEVICE for each door of this computer,"
echo "      and savar-terminal@DEVICE for the one that serves the driver's screen"
