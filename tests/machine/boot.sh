#!/bin/sh
# Within new namespaces: lay the disk's layer above the base system, and become systemd there.
# boot.sh LOWER DISK IMAGE SHARED SOURCE WHEELS BOOT_ID; IMAGE '': the disk is a mere folder
set -eu
# Its own part of the control groups, and that as their root: else the machines that run beside it have the same ones, and
# systemd would count, limit and kill the processes of all in one.
if [ -z "${OWN_CGROUP:-}" ]; then
    groups=$(mktemp -d)
    mount -t cgroup2 cgroup2 "$groups"
    own=$groups/$(basename "$4")
    mkdir "$own"
    echo 0 >"$own/cgroup.procs"
    umount "$groups"
    rmdir "$groups"
    OWN_CGROUP=yes exec unshare --cgroup sh "$0" "$@"
fi
lower=$1 disk=$2 image=$3 shared=$4 source=$5 wheels=$6 boot_id=$7
mount --make-rprivate /
# Disks that others have mounted: a copy of a mount keeps a disk in use, and its power could not be cut.
while read -r device where _; do
    case $device in /dev/loop*) umount -l "$where" ;; esac
done </proc/self/mounts
# In this namespace alone: whatever else is begun meanwhile would keep it in use.
[ -z "$image" ] || mount -o loop,noatime,lazytime "$image" "$disk"
mkdir -p "$disk/upper" "$disk/work"
root=$(mktemp -d)
mount -t overlay machine -o "lowerdir=$lower,upperdir=$disk/upper,workdir=$disk/work" "$root"
cd "$root"
mkdir -p src wheels host
mount --rbind / host
mount -t proc proc proc
mount --bind "$boot_id" proc/sys/kernel/random/boot_id
mount -t sysfs sys sys -o ro 2>/dev/null || mount --rbind /sys sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs run run -o mode=755
# A confined service has a /proc of its own, in which the boot would be this machine's.
cp "$boot_id" run/boot_id
for unit in village-edge village-edge-; do
    mkdir -p "run/systemd/system/$unit.service.d"
    printf '[Service]\nBindReadOnlyPaths=/run/boot_id:/proc/sys/kernel/random/boot_id\n' >"run/systemd/system/$unit.service.d/boot-id.conf"
done
mount -t tmpfs tmp tmp
mount -t tmpfs dev dev -o mode=755
mkdir dev/pts dev/shm
for node in null zero full random urandom tty; do
    : >"dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mount --rbind /dev/pts dev/pts # serial ports of a simulated village are pseudo-terminals of outside
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount -t tmpfs shm dev/shm
mkdir "$root$shared"
mount --bind "$shared" "$root$shared"
mount --bind "$source" src
mount -o remount,bind,ro src
mount --bind "$wheels" wheels
mount -o remount,bind,ro wheels
ip link set lo up 2>/dev/null || true
hostname village-pi
pivot_root . mnt
umount -l mnt
mount --make-rshared / # as on any machine: credentials of units are mounted so
exec env -i container=machine PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --log-target=console --show-status=1 </dev/null
